//! What Stripe answers about a payer or a product, as the store takes it in.

use domain::stripe::checkout_session::is_guest;
use gateway::Gateway;
use store::records::{ProductSnapshot, Snapshot};

/// Everything about a customer or, for a guest, about the Checkout Session that stands in for one.
pub(crate) async fn payer(gateway: &dyn Gateway, payer_id: &str) -> Result<Snapshot, gateway::Error> {
    if is_guest(payer_id) {
        let read = gateway.checkout(payer_id).await?;
        let checkout_sessions = vec![read.session];
        return Ok(Snapshot {
            checkout_sessions,
            charges: read.charges,
            disputes: read.disputes,
            ..Snapshot::default()
        });
    }
    let read = gateway.customer(payer_id).await?;
    Ok(Snapshot {
        customer: Some(read.customer),
        subscriptions: read.subscriptions,
        checkout_sessions: read.checkout_sessions,
        invoices: read.invoices,
        charges: read.charges,
        disputes: read.disputes,
        entitlements: read.entitlements,
    })
}

/// A product with its prices and the features it carries.
pub(crate) async fn product(gateway: &dyn Gateway, id: &str) -> Result<ProductSnapshot, gateway::Error> {
    match gateway.product(id).await {
        Ok(product) if product["deleted"] != true => {
            let (features, prices) = tokio::try_join!(gateway.product_features(id), gateway.product_prices(id))?;
            Ok(ProductSnapshot { product: Some(product), features, prices })
        }
        Ok(_) | Err(gateway::Error::NotFound { .. }) => Ok(ProductSnapshot::default()),
        Err(error) => Err(error),
    }
}
