//! Reads Stripe's lists of everything, several pages at once.

use std::sync::Arc;

use gateway::{AccountList, CreatedRange, Gateway, ObjectPage};
use serde_json::Value;
use store::records::{GUEST, ResyncRange, ResyncRecord, StagedObject};
use tokio::task::JoinSet;

use super::plan::{Next, Plan};
use super::{Resyncs, Stopped};
use crate::worker::SyncError;

/// A page that was asked for.
type Page = (AccountList, ResyncRange, Result<ObjectPage, gateway::Error>);

impl Resyncs {
    /// Reads what is left of every list, and puts the customers in line.
    pub(super) async fn read_lists(&self, gateway: &Arc<dyn Gateway>, resync: &ResyncRecord) -> Result<(), Stopped> {
        let (store, owner, clock, id) = (&self.0.store, &self.0.owner, &self.0.clock, &resync.resync_id);
        let kept = store.resync_ranges(id).await?;
        let mut plan = Plan::new(kept, clock.now());
        let mut is_ours = store.put_ranges(id, owner, &plan.ranges(), clock.now()).await?;
        let mut pages: JoinSet<Page> = JoinSet::new();
        let mut failed: Option<SyncError> = None;
        while is_ours {
            while failed.is_none()
                && let Some(Next { list, range, divided }) = plan.next()
            {
                if !divided.is_empty() {
                    is_ours &= store.put_ranges(id, owner, &divided, clock.now()).await?;
                }
                let gateway = Arc::clone(gateway);
                pages.spawn(async move {
                    let created = CreatedRange { from_secs: range.created_from, until_secs: range.created_until };
                    let after = range.after.as_ref().map(|(id, _)| id.as_str());
                    let page = gateway.account_page(list, created, after).await;
                    (list, range, page)
                });
            }
            let Some(page) = pages.join_next().await else {
                if let Some(error) = failed {
                    return Err(error.into());
                }
                is_ours &= store.begin_comparing(id, owner, clock.now()).await?;
                break;
            };
            // A read that broke off left its part unread: whoever takes the resync up reads it.
            let Ok((list, range, page)) = page else { return Err(Stopped::NotOurs) };
            let page = match page {
                Ok(page) => page,
                // What else was asked for still counts.
                Err(error) => {
                    let is_refused = matches!(error, gateway::Error::NotFound { .. } | gateway::Error::Refused { .. });
                    if is_refused && let Some(again) = plan.begin_again(&range) {
                        is_ours &= store.put_ranges(id, owner, &[again], clock.now()).await?;
                        continue;
                    }
                    failed.get_or_insert(error.into());
                    continue;
                }
            };
            let range = plan.read(&range, ends(&page), page.has_more);
            let objects: Vec<StagedObject> =
                page.objects.into_iter().filter_map(|object| staged(list, object)).collect();
            is_ours &= store.stage_page(id, owner, &range, &objects, clock.now()).await?;
        }
        if is_ours { Ok(()) } else { Err(Stopped::NotOurs) }
    }
}

/// When the first object of a page was made, and id and time of the last.
fn ends(page: &ObjectPage) -> Option<(i64, (String, i64))> {
    let (first, last) = page.objects.first().zip(page.objects.last())?;
    Some((first["created"].as_i64()?, (last["id"].as_str()?.to_owned(), last["created"].as_i64()?)))
}

/// An object with the customer it belongs to. Of a guest, who has none, only the finished session is of use: it says whom to read.
fn staged(list: AccountList, mut object: Value) -> Option<StagedObject> {
    let reference = |value: &Value| value.as_str().or_else(|| value["id"].as_str()).map(str::to_owned);
    let (kind, customer) = match list {
        AccountList::Customers => ("customer", reference(&object["id"])),
        AccountList::Subscriptions => ("subscription", reference(&object["customer"])),
        AccountList::CheckoutSessions => ("checkout_session", reference(&object["customer"])),
        AccountList::Invoices => ("invoice", reference(&object["customer"])),
        AccountList::Charges => ("charge", reference(&object["customer"])),
        AccountList::Disputes => {
            let customer = reference(&object["charge"]["customer"]);
            let charge = reference(&object["charge"]);
            object["charge"] = charge.into();
            ("dispute", customer)
        }
    };
    let id = object["id"].as_str()?.to_owned();
    if list == AccountList::CheckoutSessions && customer.is_none() && object["status"] == "complete" {
        return Some(StagedObject { customer_id: id.clone(), kind: GUEST, id, object: String::new() });
    }
    Some(StagedObject { customer_id: customer?, kind, id, object: object.to_string() })
}
