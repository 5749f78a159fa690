//! What is sold, and which price or product gives which feature: one catalog for all histories.

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// A recurring price.
#[derive(Debug, PartialEq, Eq)]
pub struct Price {
    /// `price_…`
    pub id: &'static str,
    /// `prod_…`
    pub product: &'static str,
    /// `week` or `month`.
    pub interval: &'static str,
    /// In cents.
    pub amount: i64,
}

impl Price {
    /// One period, in seconds. The model's months have 30 days, so that days of many histories fall together.
    #[must_use]
    pub fn period(&self) -> i64 {
        if self.interval == "week" { 7 * DAY } else { 30 * DAY }
    }

    /// The same plan at the same interval as `other` is another entry of the same half of the list.
    #[must_use]
    pub fn at_interval(interval: &str) -> Vec<&'static Self> {
        PRICES.iter().filter(|price| price.interval == interval).collect()
    }
}

const fn price(id: &'static str, product: &'static str, interval: &'static str, amount: i64) -> Price {
    Price { id, product, interval, amount }
}

/// All prices.
pub static PRICES: [Price; 10] = [
    price("price_basic_w", "prod_basic", "week", 300),
    price("price_pro_w", "prod_pro", "week", 900),
    price("price_team_w", "prod_team", "week", 2900),
    price("price_seats_w", "prod_seats", "week", 100),
    price("price_bare_w", "prod_bare", "week", 50),
    price("price_basic_m", "prod_basic", "month", 1000),
    price("price_pro_m", "prod_pro", "month", 2900),
    price("price_team_m", "prod_team", "month", 9900),
    price("price_seats_m", "prod_seats", "month", 400),
    price("price_bare_m", "prod_bare", "month", 100),
];

/// Features of the catalog, the last of which nothing gives.
pub const FEATURES: [&str; 5] = ["pro", "team", "seats", "support", "nothing"];
/// A key the application may ask with that the catalog does not have.
pub const UNKNOWN_FEATURE: &str = "unheard_of";

/// What gives what: a price or product id, a feature, a number for limits.
pub const GRANTS: [(&str, &str, Option<i64>); 14] = [
    ("prod_basic", "support", None),
    ("prod_pro", "support", None),
    ("price_pro_w", "pro", None),
    ("price_pro_m", "pro", None),
    ("price_pro_w", "seats", Some(5)),
    ("price_pro_m", "seats", Some(5)),
    ("price_team_w", "team", None),
    ("price_team_m", "team", None),
    ("price_team_w", "pro", None),
    ("price_team_m", "pro", None),
    ("price_team_w", "seats", Some(25)),
    ("price_team_m", "seats", Some(25)),
    ("price_seats_w", "seats", Some(7)),
    ("price_seats_m", "seats", Some(7)),
];
