//! Sessions of Stripe's Checkout and customer portal to create.

/// Metadata key under which new Checkout Sessions name the user where no other is configured.
pub const USER_ID_KEY: &str = "user_id";

/// What a Checkout Session sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckoutMode {
    /// Recurring prices: a subscription.
    Subscription,
    /// One-time prices.
    Payment,
}

/// One thing that a Checkout Session sells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutItem {
    /// The price's id.
    pub price: String,
    /// How many, at least 1.
    pub quantity: u64,
    /// Whether the buyer may change the quantity on Stripe's page, to no less than 1.
    pub adjustable_quantity: bool,
}

impl CheckoutItem {
    /// A fixed quantity of a price.
    #[must_use]
    pub fn new(price: impl Into<String>, quantity: u64) -> Self {
        Self { price: price.into(), quantity, adjustable_quantity: false }
    }
}

/// What makes a Checkout cheaper. Stripe takes one at most (docs.stripe.com/api/checkout/sessions/create, `discounts`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckoutDiscount {
    /// This coupon.
    Coupon(String),
    /// This promotion code by its id, `promo_…`.
    PromotionCode(String),
    /// The code that the buyer types.
    Entered,
}

/// A Checkout Session to create. The user is named in `client_reference_id` and in the metadata of the session and of what it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateCheckout {
    /// The host application's user id; at most 200 characters, Stripe's limit of `client_reference_id`.
    pub user_id: String,
    /// The metadata key that names the user.
    pub user_key: String,
    /// The user's customer, when there is one; otherwise Stripe makes one.
    pub customer: Option<String>,
    /// Filled in at Checkout; ignored with a `customer`, who has an address already.
    pub email: Option<String>,
    /// Subscription or one-time payment.
    pub mode: CheckoutMode,
    /// What is sold.
    pub line_items: Vec<CheckoutItem>,
    /// Where Stripe sends the buyer afterwards; may contain `{CHECKOUT_SESSION_ID}`.
    pub success_url: String,
    /// Where the buyer gets by going back.
    pub cancel_url: Option<String>,
    /// Days until the first payment, at least 1; for subscriptions alone.
    pub trial_days: Option<u32>,
    /// What makes it cheaper.
    pub discount: Option<CheckoutDiscount>,
    /// The language of Stripe's page, such as `de` or `pt-BR`; the browser's when none is given.
    pub locale: Option<String>,
    /// More metadata for the session and for what it makes. An entry under `user_key` is overwritten by the user.
    pub metadata: Vec<(String, String)>,
}

impl CreateCheckout {
    /// A subscription of one price for a user whom Stripe does not know yet.
    #[must_use]
    pub fn new(user_id: impl Into<String>, item: CheckoutItem, success_url: impl Into<String>) -> Self {
        Self {
            user_id: user_id.into(),
            user_key: USER_ID_KEY.to_owned(),
            customer: None,
            email: None,
            mode: CheckoutMode::Subscription,
            line_items: vec![item],
            success_url: success_url.into(),
            cancel_url: None,
            trial_days: None,
            discount: None,
            locale: None,
            metadata: Vec::new(),
        }
    }
}

/// A Checkout Session just created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedCheckout {
    /// `cs_…`
    pub id: String,
    /// Where the buyer pays.
    pub url: String,
}

/// A session of the customer portal to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatePortal {
    /// Whose portal: `cus_…`.
    pub customer: String,
    /// Where the portal's way back leads.
    pub return_url: String,
    /// The portal's language; the browser's when none is given.
    pub locale: Option<String>,
    /// What the customer comes to do; the portal's front page when none is given.
    pub flow: Option<PortalFlow>,
}

impl CreatePortal {
    /// The portal's front page for a customer.
    #[must_use]
    pub fn new(customer: impl Into<String>, return_url: impl Into<String>) -> Self {
        Self { customer: customer.into(), return_url: return_url.into(), locale: None, flow: None }
    }
}

/// A way straight into the portal (docs.stripe.com/customer-management/portal-deep-links).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortalFlow {
    /// To give another payment method.
    PaymentMethodUpdate,
    /// To cancel this subscription.
    SubscriptionCancel(String),
    /// To change the plan or quantity of this subscription.
    SubscriptionUpdate(String),
}
