//! Sessions of Stripe's Checkout and of its customer portal.

use axum::extract::State;
use domain::Livemode;
use domain::stripe::checkout_session::is_guest;
use gateway::{CheckoutMode, CreateCheckout};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::extract::{Json, catalog_id, user_id};
use super::{ApiState, Inner};
use crate::auth::api_key::{Key, KeyContext, Write};
use crate::error::{ApiError, ErrorOut};

/// Stripe's limit for one Checkout Session (docs.stripe.com/api/checkout/sessions/create, `line_items`).
const MAX_ITEMS: usize = 20;
/// Stripe's limit for the length of a trial, in days.
const MAX_TRIAL_DAYS: u32 = 730;

/// A Checkout Session to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckoutIn {
    /// The application's own id of the user: written into `client_reference_id` and the metadata, so that what is bought finds its user.
    #[schema(example = "user_42", min_length = 1, max_length = 200)]
    user_id: String,
    /// One price, once. Either this or `line_items`.
    #[schema(example = "price_1MoBy5LkdIwHu7ixZhnattbh")]
    price: Option<String>,
    /// Prices with quantities. Either this or `price`.
    #[schema(max_items = 20)]
    line_items: Option<Vec<LineItemIn>>,
    /// `subscription` when left out.
    #[serde(default)]
    mode: ModeIn,
    /// Where Stripe sends the buyer afterwards; may contain `{CHECKOUT_SESSION_ID}`, which `POST /v1/sync` takes.
    #[schema(example = "https://app.example.com/welcome?session={CHECKOUT_SESSION_ID}")]
    success_url: String,
    /// Where the buyer gets by going back.
    cancel_url: Option<String>,
    /// Days until the first payment, for subscriptions alone.
    #[schema(minimum = 1, maximum = 730)]
    trial_days: Option<u32>,
    /// Whether the buyer may enter promotion codes.
    #[serde(default)]
    allow_promotion_codes: bool,
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ModeIn {
    #[default]
    Subscription,
    Payment,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LineItemIn {
    #[schema(example = "price_1MoBy5LkdIwHu7ixZhnattbh")]
    price: String,
    /// 1 when left out.
    #[schema(minimum = 1, default = 1)]
    quantity: Option<u64>,
}

/// A Checkout Session.
#[derive(Serialize, ToSchema)]
pub(super) struct CheckoutOut {
    /// `checkout_session`
    #[schema(example = "checkout_session")]
    object: &'static str,
    #[schema(example = "cs_test_a11YYufWQzNY63zpQ6QSNRQhkUpVph4WRmzW0zWJO2znZKdVujZ0N0S22u")]
    id: String,
    /// Where to send the buyer.
    url: String,
    livemode: bool,
}

/// Creates a Checkout Session whose purchase finds its user by itself.
///
/// Send the header `Idempotency-Key` to make a repeated request give the same session.
#[utoipa::path(post, path = "/v1/checkout-sessions", tag = "checkout", request_body = CheckoutIn,
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 200 characters")), responses(
    (status = 200, description = "The session", body = CheckoutOut),
    (status = 400, description = "A parameter is missing or malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below write", body = ErrorOut),
    (status = 409, description = "The server has no Stripe key for this mode", body = ErrorOut),
    (status = 422, description = "Stripe refused it", body = ErrorOut),
    (status = 503, description = "Stripe cannot be reached", body = ErrorOut),
))]
pub(super) async fn create_checkout_session(
    State(api): State<ApiState>,
    key: Key<Write>,
    headers: HeaderMap,
    Json(body): Json<CheckoutIn>,
) -> Result<axum::Json<CheckoutOut>, ApiError> {
    user_id(&body.user_id, "user_id")?;
    let mode = match body.mode {
        ModeIn::Subscription => CheckoutMode::Subscription,
        ModeIn::Payment => CheckoutMode::Payment,
    };
    let line_items = line_items(body.price, body.line_items)?;
    redirect_url(&body.success_url, "success_url")?;
    if let Some(url) = &body.cancel_url {
        redirect_url(url, "cancel_url")?;
    }
    if let Some(days) = body.trial_days {
        if mode == CheckoutMode::Payment {
            return Err(ApiError::invalid("trial_days", "Invalid trial_days: only a subscription has a trial."));
        }
        if !(1..=MAX_TRIAL_DAYS).contains(&days) {
            return Err(ApiError::invalid("trial_days", "Invalid trial_days: it must be from 1 to 730."));
        }
    }
    let idempotency_key = idempotency_key(&key, &headers)?;
    let gateway = api.app.gateway(key.livemode).ok_or_else(|| ApiError::no_stripe_key(key.livemode))?;
    let customer = api.customer_of(key.livemode, &body.user_id).await?;
    let email = api.app.store.user(key.livemode, &body.user_id).await?.and_then(|user| user.email);
    let checkout = CreateCheckout {
        user_id: body.user_id,
        customer,
        email,
        mode,
        line_items,
        success_url: body.success_url,
        cancel_url: body.cancel_url,
        trial_days: body.trial_days,
        allow_promotion_codes: body.allow_promotion_codes,
    };
    let created = gateway.create_checkout_session(&checkout, &idempotency_key).await?;
    let livemode = key.livemode.is_live();
    Ok(axum::Json(CheckoutOut { object: "checkout_session", id: created.id, url: created.url, livemode }))
}

fn line_items(price: Option<String>, items: Option<Vec<LineItemIn>>) -> Result<Vec<(String, u64)>, ApiError> {
    match (price, items) {
        (Some(price), None) => {
            catalog_id(&price, "price_", "price")?;
            Ok(vec![(price, 1)])
        }
        (None, Some(items)) => {
            if !(1..=MAX_ITEMS).contains(&items.len()) {
                return Err(ApiError::invalid("line_items", "Invalid line_items: from 1 to 20 can be bought at once."));
            }
            let item = |(i, item): (usize, LineItemIn)| {
                catalog_id(&item.price, "price_", &format!("line_items[{i}].price"))?;
                match item.quantity.unwrap_or(1) {
                    0 => Err(ApiError::invalid(
                        format!("line_items[{i}].quantity"),
                        "Invalid quantity: it must be 1 or more.",
                    )),
                    quantity => Ok((item.price, quantity)),
                }
            };
            items.into_iter().enumerate().map(item).collect()
        }
        (None, None) => Err(ApiError::missing("price")),
        (Some(_), Some(_)) => Err(ApiError::invalid("line_items", "Give either price or line_items, not both.")),
    }
}

fn redirect_url(text: &str, param: &'static str) -> Result<(), ApiError> {
    let fits = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
    if fits && text.len() <= 5000 {
        return Ok(());
    }
    Err(ApiError::invalid(
        param,
        format!("Invalid {param}: expected a whole URL that begins with https:// or http://."),
    ))
}

/// The caller's own key made unique among callers, or one that is never used again.
fn idempotency_key(key: &KeyContext, headers: &HeaderMap) -> Result<String, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(crate::ids::new("tollkeeper")) };
    match value.to_str() {
        Ok(text) if (1..=200).contains(&text.len()) => Ok(format!("{}-{text}", key.api_key_id)),
        _ => Err(ApiError::invalid(
            "Idempotency-Key",
            "Invalid Idempotency-Key: expected 1 to 200 visible ASCII characters.",
        )),
    }
}

impl Inner {
    /// The Stripe customer of a user: the one with a subscription that is not ended, or else the one mapped last.
    async fn customer_of(&self, livemode: Livemode, user: &str) -> Result<Option<String>, ApiError> {
        let facts = self.app.store.index().facts(livemode, user);
        let paying = facts.as_ref().and_then(|facts| {
            let current = facts.subscriptions.iter().find(|s| !s.subscription.status.is_terminal());
            current.map(|s| s.subscription.customer_id.clone())
        });
        if paying.is_some() {
            return Ok(paying);
        }
        let mut mappings = self.app.store.mappings_of(livemode, user).await?;
        // A guest's Checkout Session is no customer to go on with.
        mappings.retain(|mapping| !is_guest(&mapping.customer_id));
        mappings.sort_by_key(|mapping| mapping.since);
        while let Some(mapping) = mappings.pop() {
            let deleted =
                self.app.store.customer(livemode, &mapping.customer_id).await?.is_some_and(|customer| customer.deleted);
            if !deleted {
                return Ok(Some(mapping.customer_id));
            }
        }
        Ok(None)
    }
}

/// A session of the customer portal to open.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PortalIn {
    /// The application's own id of the user.
    #[schema(example = "user_42", min_length = 1, max_length = 200)]
    user_id: String,
    /// Where the portal's way back leads.
    #[schema(example = "https://app.example.com/account")]
    return_url: String,
}

/// A session of the customer portal.
#[derive(Serialize, ToSchema)]
pub(super) struct PortalOut {
    /// `portal_session`
    #[schema(example = "portal_session")]
    object: &'static str,
    /// Where to send the customer; good for minutes.
    url: String,
    livemode: bool,
}

/// Opens Stripe's customer portal for a user.
#[utoipa::path(post, path = "/v1/portal-sessions", tag = "checkout", request_body = PortalIn, responses(
    (status = 200, description = "The session", body = PortalOut),
    (status = 400, description = "A parameter is missing or malformed", body = ErrorOut),
    (status = 401, description = "No key, or not a valid one", body = ErrorOut),
    (status = 403, description = "The key's scope is below write", body = ErrorOut),
    (status = 404, description = "The user has no Stripe customer", body = ErrorOut),
    (status = 409, description = "The server has no Stripe key for this mode", body = ErrorOut),
    (status = 503, description = "Stripe cannot be reached", body = ErrorOut),
))]
pub(super) async fn create_portal_session(
    State(api): State<ApiState>,
    key: Key<Write>,
    Json(body): Json<PortalIn>,
) -> Result<axum::Json<PortalOut>, ApiError> {
    user_id(&body.user_id, "user_id")?;
    redirect_url(&body.return_url, "return_url")?;
    let Some(customer) = api.customer_of(key.livemode, &body.user_id).await? else {
        let message = format!("The user {:?} has no Stripe customer yet, so there is nothing to manage.", body.user_id);
        return Err(ApiError::new(StatusCode::NOT_FOUND, "no_customer", message).with_param("user_id"));
    };
    let gateway = api.app.gateway(key.livemode).ok_or_else(|| ApiError::no_stripe_key(key.livemode))?;
    let url = gateway.create_portal_session(&customer, &body.return_url).await?;
    Ok(axum::Json(PortalOut { object: "portal_session", url, livemode: key.livemode.is_live() }))
}
