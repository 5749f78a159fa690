//! The calls of [`Gateway`], each made with a typed request builder.

use std::sync::Arc;

use async_trait::async_trait;
use domain::{Livemode, Timestamp};
use serde_json::Value;
use stripe_billing::subscription::{ListSubscription, ListSubscriptionStatus, RetrieveSubscription};
use stripe_billing::subscription_item::ListSubscriptionItem;
use stripe_checkout::checkout_session::RetrieveCheckoutSession;
use stripe_client_core::{RequestBuilder, StripeRequest};
use stripe_core::customer::{ListCustomer, RetrieveCustomer};
use stripe_core::event::{ListEvent, RetrieveEvent};
use stripe_misc::entitlements_active_entitlement::ListEntitlementsActiveEntitlement;
use stripe_misc::webhook_endpoint::ListWebhookEndpoint;
use stripe_product::price::{ListPrice, RetrievePrice};
use stripe_product::product::RetrieveProduct;
use stripe_product::product_feature::ListProductProductFeature;

use super::Client;
use super::list::{Listed, page_after};
use super::send::{Answer, Subject, unreadable};
use crate::{
    AccountList, CheckoutSnapshot, CreateCheckout, CreatePortal, CreatedCheckout, CreatedEndpoint, CreatedRange,
    CustomerSnapshot, EndpointChange, Error, EventPage, Gateway, NewEndpoint, ObjectPage, Probe, Resource, Usage,
};

#[async_trait]
impl Gateway for Client {
    fn livemode(&self) -> Livemode {
        self.key().livemode()
    }

    fn background(&self) -> Arc<dyn Gateway> {
        Arc::new(self.in_background())
    }

    fn usage(&self) -> Usage {
        self.account.meter.usage()
    }

    fn set_background_ceiling(&self, ceiling: u64, until: Timestamp) {
        self.account.meter.set_ceiling(ceiling, until);
    }

    fn share(&self, programs: usize) {
        self.account.budget.share(programs);
    }

    fn clock_skew(&self) -> Option<i64> {
        self.account.skew.latest()
    }

    async fn customer(&self, id: &str) -> Result<CustomerSnapshot, Error> {
        let customer = self.retrieve("customer", id, |id| RetrieveCustomer::new(id).build()).await?;
        let deleted = customer.value["deleted"] == true;
        let (subscriptions, sessions, invoices, (charges, disputes), entitlements) = tokio::try_join!(
            async { unless_gone(deleted, self.subscriptions_of(id).await) },
            async { unless_gone(deleted, self.checkout_sessions_of(id).await) },
            async { unless_gone(deleted, self.invoices_of(id).await) },
            async {
                let charges = unless_gone(deleted, self.charges_of(id).await)?;
                let disputes = self.disputes_of(&charges.objects).await?;
                Ok((charges, disputes))
            },
            async { if deleted { Ok(None) } else { self.entitlements_of(id).await } },
        )?;
        let dates = [&subscriptions, &sessions, &invoices, &charges].map(|listed| listed.server_date);
        Ok(CustomerSnapshot {
            customer: customer.value,
            subscriptions: subscriptions.objects,
            checkout_sessions: sessions.objects,
            invoices: invoices.objects,
            charges: charges.objects,
            disputes,
            entitlements,
            server_date: dates.into_iter().max().flatten().max(customer.server_date),
        })
    }

    async fn subscription(&self, id: &str) -> Result<Value, Error> {
        let mut answer = self.retrieve("subscription", id, |id| RetrieveSubscription::new(id).build()).await?;
        self.complete_items(&mut answer.value).await?;
        Ok(answer.value)
    }

    async fn checkout(&self, id: &str) -> Result<CheckoutSnapshot, Error> {
        self.whole_checkout(id).await
    }

    async fn checkout_session(&self, id: &str) -> Result<Value, Error> {
        let answer = self.retrieve("checkout session", id, |id| RetrieveCheckoutSession::new(id).build()).await?;
        Ok(answer.value)
    }

    async fn object(&self, kind: &str, id: &str) -> Result<Value, Error> {
        self.any_object(kind, id).await
    }

    async fn checkout_of_payment(&self, payment_intent: &str) -> Result<Option<Value>, Error> {
        self.session_of_payment(payment_intent).await
    }

    async fn price(&self, id: &str) -> Result<Value, Error> {
        let expand = || vec!["product".to_owned()];
        let answer = self.retrieve("price", id, |id| RetrievePrice::new(id).expand(expand()).build()).await?;
        Ok(answer.value)
    }

    async fn product(&self, id: &str) -> Result<Value, Error> {
        Ok(self.retrieve("product", id, |id| RetrieveProduct::new(id).build()).await?.value)
    }

    async fn product_features(&self, id: &str) -> Result<Vec<Value>, Error> {
        const WHAT: &str = "product features";
        let Some(segment) = path_segment(id) else {
            let message = "no id of Stripe looks like this.".to_owned();
            return Err(Error::NotFound { what: WHAT, id: id.to_owned(), message });
        };
        let page = |after: Option<&str>| page_after!(ListProductProductFeature::new(segment.as_str()), after);
        Ok(self.list(WHAT, usize::MAX, page).await?.objects)
    }

    async fn product_prices(&self, id: &str) -> Result<Vec<Value>, Error> {
        let page = |after: Option<&str>| page_after!(ListPrice::new().product(id), after);
        Ok(self.list("prices", usize::MAX, page).await?.objects)
    }

    async fn list_prices(&self, limit: usize) -> Result<Vec<Value>, Error> {
        let page = |after: Option<&str>| {
            page_after!(ListPrice::new().active(true).expand(vec!["data.product".to_owned()]), after)
        };
        Ok(self.list("prices", limit, page).await?.objects)
    }

    async fn create_checkout_session(
        &self,
        checkout: &CreateCheckout,
        idempotency_key: &str,
    ) -> Result<CreatedCheckout, Error> {
        self.new_checkout(checkout, idempotency_key).await
    }

    async fn create_portal_session(&self, portal: &CreatePortal) -> Result<String, Error> {
        self.new_portal(portal).await
    }

    async fn search_customers_by_email(&self, email: &str) -> Result<Vec<Value>, Error> {
        let page = |after: Option<&str>| page_after!(ListCustomer::new().email(email), after);
        Ok(self.list("customers", 100, page).await?.objects)
    }

    async fn account_page(
        &self,
        list: AccountList,
        created: CreatedRange,
        after: Option<&str>,
    ) -> Result<ObjectPage, Error> {
        self.page_of_account(list, created, after).await
    }

    async fn event(&self, id: &str) -> Result<Value, Error> {
        Ok(self.retrieve("event", id, |id| RetrieveEvent::new(id).build()).await?.value)
    }

    async fn list_events(&self, created_gte: Timestamp, starting_after: Option<&str>) -> Result<EventPage, Error> {
        let page = |after: Option<&str>| {
            let mut request = page_after!(ListEvent::new(), after.or(starting_after));
            // The builder's `created` takes a type of a crate that nothing else here needs.
            append(&mut request, &format!("created[gte]={}", created_gte.secs()));
            request
        };
        let Listed { objects, has_more, .. } = self.list("events", 100, page).await?;
        Ok(EventPage { events: objects, has_more })
    }

    async fn undelivered_events(&self, from: Timestamp, until: Timestamp) -> Result<Vec<String>, Error> {
        let page = |after: Option<&str>| {
            let mut request = page_after!(ListEvent::new().delivery_success(false), after);
            append(&mut request, &format!("created[gte]={}&created[lte]={}", from.secs(), until.secs()));
            request
        };
        let listed = self.list("events", 1000, page).await?;
        Ok(listed.objects.iter().filter_map(|event| event["id"].as_str().map(str::to_owned)).collect())
    }

    async fn webhook_endpoints(&self) -> Result<Vec<Value>, Error> {
        let page = |after: Option<&str>| page_after!(ListWebhookEndpoint::new(), after);
        Ok(self.list("webhook endpoints", 100, page).await?.objects)
    }

    async fn create_webhook_endpoint(
        &self,
        endpoint: &NewEndpoint,
        idempotency_key: &str,
    ) -> Result<CreatedEndpoint, Error> {
        self.make_endpoint(endpoint, idempotency_key).await
    }

    async fn change_webhook_endpoint(&self, id: &str, change: &EndpointChange) -> Result<Value, Error> {
        self.change_endpoint(id, change).await
    }

    async fn probe(&self, resource: Resource) -> Result<Probe, Error> {
        self.look_at(resource).await
    }
}

impl Client {
    /// Reads one object by its id.
    pub(super) async fn retrieve(
        &self,
        what: &'static str,
        id: &str,
        build: impl FnOnce(&str) -> RequestBuilder,
    ) -> Result<Answer, Error> {
        // The builders put ids into the path as they are, and some come from payloads or people.
        let Some(segment) = path_segment(id) else {
            let message = "no id of Stripe looks like this.".to_owned();
            return Err(Error::NotFound { what, id: id.to_owned(), message });
        };
        let request = build(&segment);
        let answer = self.send(Subject { what, id: Some(id) }, &request, None).await?;
        if !answer.value["id"].is_string() {
            return Err(unreadable(what, "id", "it is missing", answer.request_id));
        }
        Ok(answer)
    }

    /// All subscriptions of a customer: without `status=all` Stripe leaves out the ended ones.
    async fn subscriptions_of(&self, customer: &str) -> Result<Listed, Error> {
        let page = |after: Option<&str>| {
            page_after!(ListSubscription::new().customer(customer).status(ListSubscriptionStatus::All), after)
        };
        let mut listed = self.list("subscriptions", usize::MAX, page).await?;
        for subscription in &mut listed.objects {
            self.complete_items(subscription).await?;
        }
        Ok(listed)
    }

    /// Restricted keys made before entitlements were used lack their permission: that must not stop every other read.
    async fn entitlements_of(&self, customer: &str) -> Result<Option<Vec<Value>>, Error> {
        let page = |after: Option<&str>| page_after!(ListEntitlementsActiveEntitlement::new(customer), after);
        match self.list("active entitlements", usize::MAX, page).await {
            Ok(listed) => Ok(Some(listed.objects)),
            Err(Error::Forbidden { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn complete_items(&self, subscription: &mut Value) -> Result<(), Error> {
        let page = |id: &str, after: Option<&str>| page_after!(ListSubscriptionItem::new(id), after);
        self.complete(subscription, "items", "subscription items", page).await
    }
}

/// A list may no longer take the id of a deleted customer; its subscriptions ended when it was deleted.
fn unless_gone(deleted: bool, list: Result<Listed, Error>) -> Result<Listed, Error> {
    match list {
        Err(Error::Refused { code: Some(code), .. }) if deleted && code == "resource_missing" => {
            Ok(Listed { objects: Vec::new(), has_more: false, server_date: None })
        }
        list => list,
    }
}

/// A field of an answer that must be there.
pub(super) fn string(what: &'static str, answer: &Answer, field: &str) -> Result<String, Error> {
    match answer.value[field].as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(unreadable(what, field, "it is missing", answer.request_id.clone())),
    }
}

/// Adds a parameter to a request's query.
pub(super) fn append(request: &mut RequestBuilder, parameter: &str) {
    match &mut request.query {
        Some(query) if !query.is_empty() => {
            query.push('&');
            query.push_str(parameter);
        }
        query => *query = Some(parameter.to_owned()),
    }
}

/// An id as one segment of a path, or none when it cannot be one. Ids of products and old plans may be chosen freely.
pub(super) fn path_segment(id: &str) -> Option<String> {
    if id.is_empty() || id == "." || id == ".." || id.len() > 255 || id.chars().any(char::is_control) {
        return None;
    }
    let mut segment = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'~') {
            segment.push(char::from(byte));
        } else {
            segment.push('%');
            segment.push_str(&hex::encode_upper([byte]));
        }
    }
    Some(segment)
}
