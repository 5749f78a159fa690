//! One-time purchases: sessions with what they sell, invoices, charges with their refunds, disputes.

use serde_json::Value;
use stripe_billing::invoice::ListInvoice;
use stripe_checkout::CheckoutSessionStatus;
use stripe_checkout::checkout_session::{ListCheckoutSession, ListLineItemsCheckoutSession, RetrieveCheckoutSession};
use stripe_client_core::{RequestBuilder, StripeMethod, StripeRequest as _};
use stripe_core::charge::ListCharge;
use stripe_core::dispute::ListDispute;
use stripe_core::refund::ListRefund;

use super::Client;
use super::list::{Listed, PAGE, page_after};
use crate::{CheckoutSnapshot, Error, MAX_CHECKOUT_SESSIONS};

impl Client {
    /// The newest Checkout Sessions and, where there are more, all that were completed.
    pub(super) async fn checkout_sessions_of(&self, customer: &str) -> Result<Listed, Error> {
        let list = || ListCheckoutSession::new().customer(customer).expand(vec!["data.line_items".to_owned()]);
        let newest = |after: Option<&str>| page_after!(list(), after);
        let mut listed = self.list("checkout sessions", MAX_CHECKOUT_SESSIONS, newest).await?;
        if listed.has_more {
            let completed = |after: Option<&str>| page_after!(list().status(CheckoutSessionStatus::Complete), after);
            let older = self.list("checkout sessions", usize::MAX, completed).await?;
            let known: Vec<Value> = listed.objects.iter().map(|session| session["id"].clone()).collect();
            listed.objects.extend(older.objects.into_iter().filter(|session| !known.contains(&session["id"])));
        }
        for session in &mut listed.objects {
            self.complete_session(session).await?;
        }
        Ok(listed)
    }

    /// A session that sold something once has all of its line items.
    pub(super) async fn complete_session(&self, session: &mut Value) -> Result<(), Error> {
        if is_purchase(session) { self.complete_line_items(session).await } else { Ok(()) }
    }

    async fn complete_line_items(&self, session: &mut Value) -> Result<(), Error> {
        let page = |id: &str, after: Option<&str>| page_after!(ListLineItemsCheckoutSession::new(id), after);
        self.complete(session, "line_items", "line items", page).await
    }

    /// All invoices: no list of Stripe's leaves those of subscriptions out.
    pub(super) async fn invoices_of(&self, customer: &str) -> Result<Listed, Error> {
        let list = || ListInvoice::new().customer(customer).expand(vec!["data.payments".to_owned()]);
        let mut listed = self.list("invoices", usize::MAX, |after| page_after!(list(), after)).await?;
        for invoice in &mut listed.objects {
            self.complete_invoice(invoice).await?;
        }
        Ok(listed)
    }

    /// A paid invoice of no subscription has all of its lines and payments.
    pub(super) async fn complete_invoice(&self, invoice: &mut Value) -> Result<(), Error> {
        if is_sale(invoice) {
            self.complete(invoice, "lines", "invoice lines", invoice_lines).await?;
            self.complete(invoice, "payments", "invoice payments", invoice_payments).await?;
        }
        Ok(())
    }

    pub(super) async fn charges_of(&self, customer: &str) -> Result<Listed, Error> {
        let list = || ListCharge::new().customer(customer).expand(vec!["data.refunds".to_owned()]);
        let mut listed = self.list("charges", usize::MAX, |after| page_after!(list(), after)).await?;
        for charge in &mut listed.objects {
            self.complete_refunds(charge).await?;
        }
        Ok(listed)
    }

    pub(super) async fn complete_refunds(&self, charge: &mut Value) -> Result<(), Error> {
        let page = |id: &str, after: Option<&str>| page_after!(ListRefund::new().charge(id), after);
        self.complete(charge, "refunds", "refunds", page).await
    }

    /// Disputes are listed by charge alone; only the charges that have one are asked about.
    pub(super) async fn disputes_of(&self, charges: &[Value]) -> Result<Vec<Value>, Error> {
        let mut disputes = Vec::new();
        for charge in charges.iter().filter(|charge| charge["disputed"] == true) {
            let Some(id) = charge["id"].as_str() else { continue };
            let page = |after: Option<&str>| page_after!(ListDispute::new().charge(id), after);
            disputes.extend(self.list("disputes", usize::MAX, page).await?.objects);
        }
        Ok(disputes)
    }

    pub(super) async fn whole_checkout(&self, id: &str) -> Result<CheckoutSnapshot, Error> {
        let expand = || vec!["line_items".to_owned(), "payment_intent.latest_charge.refunds".to_owned()];
        let answer = self
            .retrieve("checkout session", id, |id| RetrieveCheckoutSession::new(id).expand(expand()).build())
            .await?;
        let mut session = answer.value;
        self.complete_line_items(&mut session).await?;
        let mut charge = session["payment_intent"]["latest_charge"].clone();
        let mut charges = Vec::new();
        if charge.is_object() {
            self.complete_refunds(&mut charge).await?;
            charges.push(charge);
        }
        let disputes = self.disputes_of(&charges).await?;
        Ok(CheckoutSnapshot { session, charges, disputes, server_date: answer.server_date })
    }
}

fn is_purchase(session: &Value) -> bool {
    session["mode"] == "payment" && session["status"] == "complete"
}

/// Paid, and for no subscription.
fn is_sale(invoice: &Value) -> bool {
    let parent = &invoice["parent"]["subscription_details"]["subscription"];
    invoice["status"] == "paid" && invoice["subscription"].is_null() && parent.is_null()
}

/// The lines of an invoice: the builders have no list of them.
fn invoice_lines(invoice: &str, after: Option<&str>) -> RequestBuilder {
    paged(RequestBuilder::new(StripeMethod::Get, format!("/invoices/{invoice}/lines")), after)
}

fn invoice_payments(invoice: &str, after: Option<&str>) -> RequestBuilder {
    let mut request = RequestBuilder::new(StripeMethod::Get, "/invoice_payments");
    super::calls::append(&mut request, &format!("invoice={invoice}"));
    paged(request, after)
}

fn paged(mut request: RequestBuilder, after: Option<&str>) -> RequestBuilder {
    super::calls::append(&mut request, &format!("limit={PAGE}"));
    if let Some(after) = after {
        super::calls::append(&mut request, &format!("starting_after={after}"));
    }
    request
}
