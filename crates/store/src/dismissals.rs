//! What nobody wants to be told again.

use async_trait::async_trait;
use domain::Livemode;

use crate::Result;
use crate::records::{Author, CustomerRow, IgnoredCustomer, Page, Place};

/// Customers that are nobody's and shall stay so, and topics that are done with.
#[async_trait]
pub trait Dismissals: Send + Sync {
    /// A customer is listed among the unattributed no longer, for the author's reason; `false` when it is ignored already.
    async fn ignore_customer(&self, livemode: Livemode, customer_id: &str, author: &Author) -> Result<bool>;
    /// It is listed again; `false` when it is not ignored.
    async fn heed_customer(&self, livemode: Livemode, customer_id: &str, author: &Author) -> Result<bool>;
    /// Who ignores a customer, and why.
    async fn ignored_customer(&self, livemode: Livemode, customer_id: &str) -> Result<Option<IgnoredCustomer>>;
    /// Customers that are ignored and still nobody's, the last one first. Its keys are `at_millis:customer_id`.
    async fn ignored_customers(
        &self,
        livemode: Livemode,
        place: &Place,
    ) -> Result<Page<(IgnoredCustomer, CustomerRow)>>;
    /// How many there are, counted no further than [`crate::records::COUNTED`] and one.
    async fn count_ignored(&self, livemode: Livemode) -> Result<i64>;
    /// This is not to be shown any more.
    async fn dismiss(&self, livemode: Livemode, topic: &str, author: &Author) -> Result<()>;
    /// Whether it is not to be shown any more.
    async fn is_dismissed(&self, livemode: Livemode, topic: &str) -> Result<bool>;
}
