//! Lists of a whole account: what is read when every customer is, at a hundredth of the calls that reading each would take.

use serde_json::Value;
use stripe_billing::invoice::ListInvoice;
use stripe_billing::subscription::{ListSubscription, ListSubscriptionStatus};
use stripe_checkout::checkout_session::ListCheckoutSession;
use stripe_client_core::{RequestBuilder, StripeRequest as _};
use stripe_core::charge::ListCharge;
use stripe_core::customer::ListCustomer;
use stripe_core::dispute::ListDispute;

use super::Client;
use super::list::{Listed, PAGE, page_after};
use crate::{AccountList, CreatedRange, Error, ObjectPage};

impl Client {
    /// One page, whose objects are completed as those of a single customer are.
    pub(super) async fn page_of_account(
        &self,
        list: AccountList,
        created: CreatedRange,
        after: Option<&str>,
    ) -> Result<ObjectPage, Error> {
        let page = |cursor: Option<&str>| {
            let mut request = request(list, cursor.or(after));
            // The builders' `created` takes a type of a crate that nothing else here needs.
            super::calls::append(
                &mut request,
                &format!("created[gte]={}&created[lt]={}", created.from_secs, created.until_secs),
            );
            request
        };
        let bound = usize::try_from(PAGE).unwrap_or(usize::MAX);
        let Listed { mut objects, has_more, .. } = self.list(list.as_str(), bound, page).await?;
        for object in &mut objects {
            self.complete_listed(list, object).await?;
        }
        Ok(ObjectPage { objects, has_more })
    }

    async fn complete_listed(&self, list: AccountList, object: &mut Value) -> Result<(), Error> {
        match list {
            AccountList::Customers | AccountList::Disputes => Ok(()),
            AccountList::Subscriptions => self.complete_items(object).await,
            AccountList::CheckoutSessions => self.complete_session(object).await,
            AccountList::Invoices => self.complete_invoice(object).await,
            AccountList::Charges => self.complete_refunds(object).await,
        }
    }
}

fn request(list: AccountList, after: Option<&str>) -> RequestBuilder {
    let expand = |field: &str| vec![format!("data.{field}")];
    match list {
        AccountList::Customers => page_after!(ListCustomer::new(), after),
        AccountList::Subscriptions => {
            page_after!(ListSubscription::new().status(ListSubscriptionStatus::All), after)
        }
        AccountList::CheckoutSessions => page_after!(ListCheckoutSession::new().expand(expand("line_items")), after),
        AccountList::Invoices => page_after!(ListInvoice::new().expand(expand("payments")), after),
        AccountList::Charges => page_after!(ListCharge::new().expand(expand("refunds")), after),
        // Whose a dispute is stands on its charge alone.
        AccountList::Disputes => page_after!(ListDispute::new().expand(expand("charge")), after),
    }
}
