//! Sessions of Stripe's Checkout.

use std::collections::BTreeMap;

use axum::extract::State;
use domain::Livemode;
use domain::stripe::checkout_session::is_guest;
use gateway::{CheckoutDiscount, CheckoutItem, CheckoutMode, CreateCheckout, CreatedCheckout, Gateway, USER_ID_KEY};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::extract::{Json, catalog_id, prefixed, short_text, user_id};
use super::refusal;
use super::{ApiState, Inner};
use crate::auth::api_key::{Key, KeyContext, Write};
use crate::error::{ApiError, ErrorOut};

/// Stripe's limit for one Checkout Session (docs.stripe.com/api/checkout/sessions/create, `line_items`).
const MAX_ITEMS: usize = 20;
/// Stripe's limit for the length of a trial, in days.
const MAX_TRIAL_DAYS: u32 = 730;
/// Stripe's limits for metadata, one entry of which is the user (docs.stripe.com/metadata).
const MAX_METADATA: usize = 49;
const MAX_METADATA_KEY: usize = 40;
const MAX_METADATA_VALUE: usize = 500;
/// Stripe's limit for an address.
const MAX_EMAIL: usize = 512;

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
    /// A coupon to take off. At most one of this, `promotion_code` and `allow_promotion_codes`.
    #[schema(example = "SPRING26")]
    coupon: Option<String>,
    /// A promotion code to take off, by its id.
    #[schema(example = "promo_1MiM6KLkdIwHu7ixrIaX4wgn")]
    promotion_code: Option<String>,
    /// Whether the buyer may enter promotion codes.
    #[serde(default)]
    allow_promotion_codes: bool,
    /// The language of Stripe's page; the browser's when left out.
    #[schema(example = "pt-BR")]
    locale: Option<String>,
    /// The buyer's address, filled in on Stripe's page. A user who has a Stripe customer is known by that one's address instead.
    #[schema(example = "ada@example.com")]
    customer_email: Option<String>,
    /// More metadata for the session and for its subscription or payment; at most 49 entries. The key that names the user is taken.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
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
    /// Whether the buyer may change the quantity on Stripe's page, to no less than 1.
    #[serde(default)]
    adjustable_quantity: bool,
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
    (status = 422, description = "Stripe refused it: its own code is `stripe_code`; or the price is of the other mode", body = ErrorOut),
    (status = 503, description = "Stripe cannot be reached", body = ErrorOut),
))]
pub(super) async fn create_checkout_session(
    State(api): State<ApiState>,
    key: Key<Write>,
    headers: HeaderMap,
    Json(body): Json<CheckoutIn>,
) -> Result<axum::Json<CheckoutOut>, ApiError> {
    let livemode = key.livemode;
    let idempotency_key = idempotency_key(&key, &headers)?;
    let user_keys = &api.app.store.options().metadata_keys;
    let single = body.price.is_some();
    let mut checkout = checked(body, user_keys)?;
    let gateway = api.app.gateway(livemode).ok_or_else(|| ApiError::no_stripe_key(livemode))?;
    checkout.customer = api.customer_of(livemode, &checkout.user_id).await?;
    if checkout.email.is_none() {
        checkout.email = api.app.store.user(livemode, &checkout.user_id).await?.and_then(|user| user.email);
    }
    let created = api.create(gateway.as_ref(), checkout, single, &idempotency_key).await?;
    let livemode = livemode.is_live();
    Ok(axum::Json(CheckoutOut { object: "checkout_session", id: created.id, url: created.url, livemode }))
}

/// The session that is asked for, of a user whose customer is not looked up yet.
fn checked(body: CheckoutIn, user_keys: &[String]) -> Result<CreateCheckout, ApiError> {
    user_id(&body.user_id, "user_id")?;
    let mode = match body.mode {
        ModeIn::Subscription => CheckoutMode::Subscription,
        ModeIn::Payment => CheckoutMode::Payment,
    };
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
    if let Some(text) = &body.locale {
        locale(text)?;
    }
    Ok(CreateCheckout {
        discount: discount(body.coupon, body.promotion_code, body.allow_promotion_codes)?,
        metadata: metadata(body.metadata, user_keys)?,
        email: email(body.customer_email)?,
        line_items: line_items(body.price, body.line_items)?,
        user_id: body.user_id,
        user_key: user_keys.first().map_or_else(|| USER_ID_KEY.to_owned(), Clone::clone),
        customer: None,
        mode,
        success_url: body.success_url,
        cancel_url: body.cancel_url,
        trial_days: body.trial_days,
        locale: body.locale,
    })
}

fn line_items(price: Option<String>, items: Option<Vec<LineItemIn>>) -> Result<Vec<CheckoutItem>, ApiError> {
    match (price, items) {
        (Some(price), None) => {
            catalog_id(&price, "price_", "price")?;
            Ok(vec![CheckoutItem::new(price, 1)])
        }
        (None, Some(items)) => {
            if !(1..=MAX_ITEMS).contains(&items.len()) {
                return Err(ApiError::invalid("line_items", "Invalid line_items: from 1 to 20 can be bought at once."));
            }
            let item = |(i, item): (usize, LineItemIn)| {
                catalog_id(&item.price, "price_", &format!("line_items[{i}].price"))?;
                let quantity = item.quantity.unwrap_or(1);
                if quantity == 0 {
                    let param = format!("line_items[{i}].quantity");
                    return Err(ApiError::invalid(param, "Invalid quantity: it must be 1 or more."));
                }
                Ok(CheckoutItem { price: item.price, quantity, adjustable_quantity: item.adjustable_quantity })
            };
            items.into_iter().enumerate().map(item).collect()
        }
        (None, None) => Err(ApiError::missing("price")),
        (Some(_), Some(_)) => Err(ApiError::invalid("line_items", "Give either price or line_items, not both.")),
    }
}

/// Stripe takes one discount, or lets the buyer enter one (docs.stripe.com/payments/checkout/discounts).
fn discount(
    coupon: Option<String>,
    promotion_code: Option<String>,
    entered: bool,
) -> Result<Option<CheckoutDiscount>, ApiError> {
    match (coupon, promotion_code, entered) {
        (None, None, false) => Ok(None),
        (None, None, true) => Ok(Some(CheckoutDiscount::Entered)),
        (Some(coupon), None, false) => {
            catalog_id(&coupon, "", "coupon")?;
            Ok(Some(CheckoutDiscount::Coupon(coupon)))
        }
        (None, Some(promotion_code), false) => {
            prefixed(&promotion_code, "promo_", "promotion_code")?;
            Ok(Some(CheckoutDiscount::PromotionCode(promotion_code)))
        }
        (coupon, promotion_code, _) => {
            let param = match (coupon, promotion_code) {
                (Some(_), Some(_)) | (None, Some(_)) => "promotion_code",
                _ => "coupon",
            };
            let message = "Give at most one of coupon, promotion_code and allow_promotion_codes.";
            Err(ApiError::invalid(param, message))
        }
    }
}

fn metadata(given: BTreeMap<String, String>, user_keys: &[String]) -> Result<Vec<(String, String)>, ApiError> {
    let refuse = |fault: String| Err(ApiError::invalid("metadata", format!("Invalid metadata: {fault}.")));
    if given.len() > MAX_METADATA {
        return refuse(format!("it must have at most {MAX_METADATA} entries"));
    }
    for (key, value) in &given {
        if key == USER_ID_KEY || user_keys.contains(key) {
            return refuse(format!("{key:?} names the user, whom user_id says already"));
        }
        if key.is_empty() || key.chars().count() > MAX_METADATA_KEY || key.contains(['[', ']']) {
            return refuse(format!(
                "the key {key:?} must have 1 to {MAX_METADATA_KEY} characters and no square brackets"
            ));
        }
        if value.is_empty() || value.chars().count() > MAX_METADATA_VALUE {
            return refuse(format!("the value of {key:?} must have 1 to {MAX_METADATA_VALUE} characters"));
        }
    }
    Ok(given.into_iter().collect())
}

/// Whether it is an address at all is for Stripe to say.
fn email(given: Option<String>) -> Result<Option<String>, ApiError> {
    let email = short_text(given, MAX_EMAIL, "customer_email")?;
    match &email {
        Some(email) if !email.contains('@') => {
            Err(ApiError::invalid("customer_email", "Invalid customer_email: expected an e-mail address."))
        }
        _ => Ok(email),
    }
}

/// A language tag; which ones its pages have is for Stripe to say.
///
/// # Errors
/// 400 that names `locale`.
pub(super) fn locale(text: &str) -> Result<(), ApiError> {
    let fits = (2..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits {
        return Ok(());
    }
    Err(ApiError::invalid("locale", "Invalid locale: expected a language such as de or pt-BR, or auto."))
}

/// A whole URL for the way back.
///
/// # Errors
/// 400 that names `param`.
pub(super) fn redirect_url(text: &str, param: &'static str) -> Result<(), ApiError> {
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
    /// Creates it; where the customer we know is gone from Stripe, Stripe makes another one, and we look again at the old.
    async fn create(
        &self,
        gateway: &dyn Gateway,
        mut checkout: CreateCheckout,
        single: bool,
        idempotency_key: &str,
    ) -> Result<CreatedCheckout, ApiError> {
        let mut refused = match gateway.create_checkout_session(&checkout, idempotency_key).await {
            Ok(created) => return Ok(created),
            Err(error) => error,
        };
        if refusal::is_unknown_customer(&refused)
            && let Some(gone) = checkout.customer.take()
        {
            self.app.store.request_read(gateway.livemode(), &gone, self.app.now()).await?;
            self.app.worker.wake();
            // Another request, so another key.
            match gateway.create_checkout_session(&checkout, &format!("{idempotency_key}-anew")).await {
                Ok(created) => return Ok(created),
                Err(error) => refused = error,
            }
        }
        Err(self.refusal(gateway.livemode(), refused, &checkout, single).await?)
    }

    /// Why Stripe refused a Checkout, said of our parameters.
    async fn refusal(
        &self,
        livemode: Livemode,
        error: gateway::Error,
        checkout: &CreateCheckout,
        single: bool,
    ) -> Result<ApiError, ApiError> {
        let Some((param, price)) = refusal::missing_price(&error, &checkout.line_items, single) else {
            return Ok(refusal::of_checkout(error, single));
        };
        let other = Livemode::from_bool(!livemode.is_live());
        if error.is_of_other_mode() || self.app.store.price(other, price).await?.is_some() {
            return Ok(refusal::price_of_other_mode(price, other, livemode).with_param(param));
        }
        Ok(refusal::of_checkout(error, single))
    }

    /// The Stripe customer of a user: the one with a subscription that is not ended, or else the one mapped last.
    pub(super) async fn customer_of(&self, livemode: Livemode, user: &str) -> Result<Option<String>, ApiError> {
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
