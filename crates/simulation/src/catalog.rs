//! What is sold, and which price or product gives which feature: one catalog for all histories.

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// A price.
#[derive(Debug, PartialEq, Eq)]
pub struct Price {
    /// `price_…`
    pub id: &'static str,
    /// `prod_…`
    pub product: &'static str,
    /// `week` or `month`; `once` for what is bought and not subscribed to.
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
pub static PRICES: [Price; 17] = [
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
    price("price_lifetime", "prod_lifetime", "once", 19_900),
    price("price_pass", "prod_pass", "once", 1500),
    price("price_calls", "prod_calls", "once", 1000),
    price("price_sampler", "prod_calls", "once", 200),
    price("price_seats_1", "prod_seats", "once", 5000),
    price("price_free", "prod_free", "once", 0),
    price("price_bare_1", "prod_bare", "once", 700),
];

/// Features of the catalog, the last of which nothing gives.
pub const FEATURES: [&str; 6] = ["pro", "team", "seats", "support", "calls", "nothing"];
/// The one that is a limit: given without a number, it is as much as was bought.
pub const LIMIT: &str = "seats";
/// The one that is used up.
pub const METERED: &str = "calls";
/// A key the application may ask with that the catalog does not have.
pub const UNKNOWN_FEATURE: &str = "unheard_of";

/// A price or product gives a feature.
#[derive(Debug)]
pub struct Grant {
    /// A price or product id.
    pub target: &'static str,
    /// The feature.
    pub feature: &'static str,
    /// The number for a limit.
    pub value: Option<i64>,
    /// How long a purchase gives it, in days.
    pub days: Option<i64>,
    /// What each unit of a purchase adds.
    pub credits: Option<i64>,
}

const fn grant(target: &'static str, feature: &'static str) -> Grant {
    Grant { target, feature, value: None, days: None, credits: None }
}

const fn number(target: &'static str, feature: &'static str, value: i64) -> Grant {
    Grant { value: Some(value), ..grant(target, feature) }
}

const fn lasting(days: i64, other: Grant) -> Grant {
    Grant { days: Some(days), ..other }
}

const fn credits(target: &'static str, credits: i64) -> Grant {
    Grant { credits: Some(credits), ..grant(target, METERED) }
}

/// What gives what.
pub const GRANTS: [Grant; 22] = [
    grant("prod_basic", "support"),
    grant("prod_pro", "support"),
    grant("price_pro_w", "pro"),
    grant("price_pro_m", "pro"),
    number("price_pro_w", LIMIT, 5),
    number("price_pro_m", LIMIT, 5),
    grant("price_team_w", "team"),
    grant("price_team_m", "team"),
    grant("price_team_w", "pro"),
    grant("price_team_m", "pro"),
    number("price_team_w", LIMIT, 25),
    number("price_team_m", LIMIT, 25),
    grant("price_seats_w", LIMIT),
    number("price_seats_m", LIMIT, 7),
    grant("price_lifetime", "pro"),
    lasting(2, number("price_lifetime", LIMIT, 30)),
    lasting(5, grant("price_pass", "pro")),
    lasting(20, grant("price_pass", "team")),
    credits("price_calls", 100),
    lasting(6, credits("price_sampler", 10)),
    grant("price_seats_1", LIMIT),
    grant("prod_free", "support"),
];

/// Where a feature or a price departs from the installation's policy.
#[derive(Debug, Default)]
pub struct Exception {
    /// A feature's key or a price's id.
    pub target: &'static str,
    /// How long `past_due` keeps its access, in days.
    pub grace: Option<i64>,
    /// Whether a trial gives access.
    pub trials: Option<bool>,
}

/// The departures; a price's goes before a feature's.
pub const EXCEPTIONS: [Exception; 4] = [
    Exception { target: "price_team_w", grace: Some(2), trials: None },
    Exception { target: "price_pro_m", grace: None, trials: Some(false) },
    Exception { target: "team", grace: Some(10), trials: Some(false) },
    Exception { target: "price_team_m", grace: None, trials: Some(true) },
];

/// What an installation does about money that does not stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// Which refunds of a purchase take back what it gave: `full`, `any` or `keep`, which is none.
    pub refund: &'static str,
    /// Disputes: `flag` takes back what is lost, `suspend` also what is disputed, `keep` nothing.
    pub dispute: &'static str,
}

/// What different installations do, the default first.
pub const MONEY: [Money; 4] = [
    Money { refund: "full", dispute: "flag" },
    Money { refund: "any", dispute: "suspend" },
    Money { refund: "full", dispute: "suspend" },
    Money { refund: "keep", dispute: "keep" },
];
