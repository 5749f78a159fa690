//! Creating sessions of Checkout and of the customer portal.

use std::collections::HashMap;

use stripe_billing::BillingPortalSessionLocale;
use stripe_billing::billing_portal_session::{
    CreateBillingPortalSession, CreateBillingPortalSessionFlowData,
    CreateBillingPortalSessionFlowDataSubscriptionCancel, CreateBillingPortalSessionFlowDataSubscriptionUpdate,
    CreateBillingPortalSessionFlowDataType as FlowType,
};
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionCustomerCreation, CreateCheckoutSessionDiscounts,
    CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsAdjustableQuantity,
    CreateCheckoutSessionPaymentIntentData, CreateCheckoutSessionSubscriptionData,
};
use stripe_checkout::{CheckoutSessionLocale, CheckoutSessionMode};
use stripe_client_core::{RequestBuilder, StripeRequest};

use super::Client;
use super::calls::string;
use super::send::Subject;
use crate::{
    CheckoutDiscount, CheckoutItem, CheckoutMode, CreateCheckout, CreatePortal, CreatedCheckout, Error, PortalFlow,
};

impl Client {
    pub(super) async fn new_checkout(
        &self,
        checkout: &CreateCheckout,
        idempotency_key: &str,
    ) -> Result<CreatedCheckout, Error> {
        const WHAT: &str = "checkout session";
        let request = checkout_request(checkout)?;
        let answer = self.send(Subject { what: WHAT, id: None }, &request, Some(idempotency_key)).await?;
        Ok(CreatedCheckout { id: string(WHAT, &answer, "id")?, url: string(WHAT, &answer, "url")? })
    }

    pub(super) async fn new_portal(&self, portal: &CreatePortal) -> Result<String, Error> {
        const WHAT: &str = "portal session";
        let answer = self.send(Subject { what: WHAT, id: None }, &portal_request(portal), None).await?;
        string(WHAT, &answer, "url")
    }
}

/// The request for a new Checkout Session, or why Stripe would refuse it.
fn checkout_request(checkout: &CreateCheckout) -> Result<RequestBuilder, Error> {
    let not_sent = |reason: &str| Err(Error::NotSent { reason: reason.to_owned() });
    if checkout.user_id.is_empty() || checkout.user_id.chars().count() > 200 {
        return not_sent("the user id must have 1 to 200 characters");
    }
    if checkout.line_items.is_empty() {
        return not_sent("a Checkout Session needs at least one price");
    }
    if checkout.trial_days.is_some() && checkout.mode != CheckoutMode::Subscription {
        return not_sent("only a subscription can have a trial");
    }
    if checkout.trial_days == Some(0) {
        return not_sent("a trial has at least 1 day");
    }
    let metadata = || -> HashMap<String, String> {
        let user = (checkout.user_key.clone(), checkout.user_id.clone());
        checkout.metadata.iter().cloned().chain([user]).collect()
    };
    let mut request = CreateCheckoutSession::new()
        .client_reference_id(checkout.user_id.as_str())
        .metadata(metadata())
        .line_items(checkout.line_items.iter().map(line_item).collect::<Vec<_>>())
        .success_url(checkout.success_url.as_str());
    if let Some(url) = &checkout.cancel_url {
        request = request.cancel_url(url.as_str());
    }
    if let Some(locale) = &checkout.locale {
        let Ok(locale) = locale.parse::<CheckoutSessionLocale>();
        request = request.locale(locale);
    }
    request = match &checkout.discount {
        None => request,
        Some(CheckoutDiscount::Entered) => request.allow_promotion_codes(true),
        Some(CheckoutDiscount::Coupon(id)) => request.discounts([CreateCheckoutSessionDiscounts {
            coupon: Some(id.clone()),
            ..CreateCheckoutSessionDiscounts::new()
        }]),
        Some(CheckoutDiscount::PromotionCode(id)) => request.discounts([CreateCheckoutSessionDiscounts {
            promotion_code: Some(id.clone()),
            ..CreateCheckoutSessionDiscounts::new()
        }]),
    };
    // Stripe refuses a customer together with an e-mail address.
    request = match (&checkout.customer, &checkout.email) {
        (Some(customer), _) => request.customer(customer.as_str()),
        (None, Some(email)) => request.customer_email(email.as_str()),
        (None, None) => request,
    };
    request = match checkout.mode {
        CheckoutMode::Subscription => {
            request.mode(CheckoutSessionMode::Subscription).subscription_data(CreateCheckoutSessionSubscriptionData {
                metadata: Some(metadata()),
                trial_period_days: checkout.trial_days,
                ..CreateCheckoutSessionSubscriptionData::new()
            })
        }
        CheckoutMode::Payment => {
            let request = request.mode(CheckoutSessionMode::Payment).payment_intent_data(
                CreateCheckoutSessionPaymentIntentData {
                    metadata: Some(metadata()),
                    ..CreateCheckoutSessionPaymentIntentData::new()
                },
            );
            match checkout.customer {
                Some(_) => request,
                // A one-time payment would otherwise be a guest's, whom no later event could be tied to.
                None => request.customer_creation(CreateCheckoutSessionCustomerCreation::Always),
            }
        }
    };
    Ok(request.build())
}

fn line_item(item: &CheckoutItem) -> CreateCheckoutSessionLineItems {
    CreateCheckoutSessionLineItems {
        price: Some(item.price.clone()),
        quantity: Some(item.quantity),
        // Stripe's own minimum is 0, which would let the buyer take the thing out.
        adjustable_quantity: item.adjustable_quantity.then(|| CreateCheckoutSessionLineItemsAdjustableQuantity {
            minimum: Some(1),
            ..CreateCheckoutSessionLineItemsAdjustableQuantity::new(true)
        }),
        ..CreateCheckoutSessionLineItems::new()
    }
}

fn portal_request(portal: &CreatePortal) -> RequestBuilder {
    let mut request =
        CreateBillingPortalSession::new().customer(portal.customer.as_str()).return_url(portal.return_url.as_str());
    if let Some(locale) = &portal.locale {
        let Ok(locale) = locale.parse::<BillingPortalSessionLocale>();
        request = request.locale(locale);
    }
    if let Some(flow) = &portal.flow {
        request = request.flow_data(match flow {
            PortalFlow::PaymentMethodUpdate => CreateBillingPortalSessionFlowData::new(FlowType::PaymentMethodUpdate),
            PortalFlow::SubscriptionCancel(id) => CreateBillingPortalSessionFlowData {
                subscription_cancel: Some(CreateBillingPortalSessionFlowDataSubscriptionCancel::new(id.as_str())),
                ..CreateBillingPortalSessionFlowData::new(FlowType::SubscriptionCancel)
            },
            PortalFlow::SubscriptionUpdate(id) => CreateBillingPortalSessionFlowData {
                subscription_update: Some(CreateBillingPortalSessionFlowDataSubscriptionUpdate::new(id.as_str())),
                ..CreateBillingPortalSessionFlowData::new(FlowType::SubscriptionUpdate)
            },
        });
    }
    request.build()
}
