//! Who the customers are: ordinary ones, the buyers of the new product, payments of nobody, and one of each failure.

use super::catalog::{ANALYTICS, PRO, PRO_YEARLY, STARTER, STARTER_YEARLY, TEAM, TEAM_YEARLY};

/// What names the user in Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// `client_reference_id` of the Checkout Session.
    Reference,
    /// Metadata of the subscription.
    Subscription,
    /// Metadata of the customer.
    Customer,
    /// Nothing: the payment is nobody's.
    Nobody,
}

/// A user, or somebody who should be one.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) user: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) plan: &'static str,
    pub(super) by: By,
}

impl Person {
    /// Somebody nothing special is told of.
    fn ordinary(name: &str, plan: &'static str, by: By) -> Self {
        let plain = name.to_lowercase().replace('\'', "");
        let email = format!("{}@example.com", plain.replace(' ', "."));
        Self { user: format!("user_{}", plain.replace([' ', '-'], "_")), name: name.to_owned(), email, plan, by }
    }

    /// Somebody of [`NAMED`], on the plan.
    pub(super) fn named(user: &str, plan: &'static str, by: By) -> Self {
        let name = NAMED.iter().find(|named| named.user == user).map_or(user, |named| named.name);
        let what = user.trim_start_matches("user_").replace('_', "-");
        let email = format!("{}.{what}@example.com", name.split(' ').next().unwrap_or_default().to_lowercase());
        Self { user: user.to_owned(), name: name.to_owned(), email, plan, by }
    }

    pub(super) fn customer(&self) -> String {
        customer_of(&self.user)
    }

    pub(super) fn subscription(&self) -> String {
        format!("sub_Demo{}", camel(&self.user))
    }

    pub(super) fn session(&self) -> String {
        format!("cs_test_Demo{}", camel(&self.user))
    }
}

/// The Stripe customer of a user of the demo: `user_sub_paused` pays as `cus_DemoSubPaused`.
#[must_use]
pub fn customer_of(user: &str) -> String {
    format!("cus_Demo{}", camel(user))
}

fn camel(user: &str) -> String {
    let words = user.trim_start_matches("user_").split('_');
    words
        .map(|word| word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect::<String>())
        .collect()
}

/// One of each failure that can be shown.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// The user's id, which says what happened.
    pub user: &'static str,
    /// The person's name.
    pub name: &'static str,
    /// The feature to ask about.
    pub feature: &'static str,
    /// The diagnosis of it.
    pub code: &'static str,
}

const fn named(user: &'static str, name: &'static str, code: &'static str) -> Named {
    Named { user, name, feature: "pro", code }
}

/// Everybody who shows something, in the order of the diagnosis table.
pub const NAMED: &[Named] = &[
    named("user_ok", "Olga Kay", "ok"),
    named("user_trialing", "Theo Trialing", "ok"),
    named("user_pause_collection", "Pia Collection", "ok"),
    named("user_subscription_refunded", "Sue Refunded", "ok"),
    named("user_lifetime", "Lili Lifetime", "ok"),
    named("user_pass", "Pasha Pass", "ok"),
    named("user_guest", "Gus Guest", "ok"),
    Named { user: "user_credits", name: "Cora Credits", feature: "ai-credits", code: "ok" },
    named("user_ok_at_risk", "Ari Atrisk", "ok_at_risk"),
    named("user_failed_debit", "Fred Debit", "ok_at_risk"),
    named("user_dispute_open", "Della Dispute", "ok_at_risk"),
    named("user_ok_by_override", "Ovid Override", "ok_by_override"),
    named("user_override_deny", "Dennis Denied", "override_deny"),
    named("user_no_checkout", "Noel Checkout", "no_checkout"),
    named("user_checkout_open", "Chloe Open", "checkout_open"),
    named("user_checkout_expired", "Xavier Expired", "checkout_expired"),
    named("user_checkout_payment_pending", "Penny Pending", "checkout_payment_pending"),
    named("user_debit_pending", "Asya Pending", "checkout_payment_pending"),
    named("user_debit_failed", "Bert Bounced", "checkout_payment_failed"),
    named("user_mode_mismatch", "Misha Match", "mode_mismatch"),
    named("user_webhook_failed", "Faye Failed", "webhook_failed"),
    named("user_webhook_pending", "Wendy Waiting", "webhook_pending"),
    named("user_key_permission", "Kay Permission", "key_permission"),
    named("user_unattributed", "Una Tributed", "unattributed"),
    named("user_ambiguous_customer", "Amy Biguous", "ambiguous_customer"),
    named("user_pending_link", "Pat Link", "pending_link"),
    named("user_price_not_in_catalog", "Priya Uncatalogued", "price_not_in_catalog"),
    named("user_not_in_plan", "Nils Plan", "not_in_plan"),
    named("user_sub_none", "Nadia Subnone", "sub_none"),
    named("user_sub_incomplete", "Ines Complete", "sub_incomplete"),
    named("user_sub_incomplete_expired", "Inga Expired", "sub_incomplete_expired"),
    named("user_sub_past_due", "Paz Due", "sub_past_due"),
    named("user_sub_unpaid", "Uma Paid", "sub_unpaid"),
    named("user_sub_paused", "Paul Paused", "sub_paused"),
    named("user_sub_canceled", "Carl Canceled", "sub_canceled"),
    named("user_trial_ended", "Tria Lended", "trial_ended"),
    named("user_pass_expired", "Percy Passed", "purchase_expired"),
    named("user_refunded", "Rhea Funded", "refunded"),
    named("user_disputed", "Dido Disputed", "refunded"),
    named("user_drift", "Drew Ifted", "drift"),
    named("user_override_expired", "Eddie Expired", "override_expired"),
    Named { user: "user_feature_unknown", name: "Fia Unknown", feature: "pr0", code: "feature_unknown" },
];

/// Name, plan, what names them: 22 customers with whom all is well.
const ORDINARY: [(&str, &str, By); 22] = [
    ("Amara Okafor", PRO, By::Reference),
    ("Benedikt Lang", STARTER, By::Reference),
    ("Camille Durand", TEAM, By::Reference),
    ("Daichi Mori", PRO_YEARLY, By::Subscription),
    ("Elif Kaya", STARTER_YEARLY, By::Reference),
    ("Farah Haddad", PRO, By::Reference),
    ("Giulia Conti", TEAM_YEARLY, By::Reference),
    ("Henrik Dahl", PRO, By::Customer),
    ("Isabel Rojas", STARTER, By::Reference),
    ("Jonas Weber", PRO_YEARLY, By::Reference),
    ("Katarzyna Nowak", PRO, By::Reference),
    ("Liam O'Connor", TEAM, By::Subscription),
    ("Mei Chen", PRO, By::Reference),
    ("Nikhil Rao", STARTER, By::Reference),
    ("Oumar Diallo", PRO, By::Reference),
    ("Paula Svensson", TEAM_YEARLY, By::Customer),
    ("Quentin Marchand", STARTER_YEARLY, By::Reference),
    ("Rosa Jimenez", PRO, By::Reference),
    ("Sipho Dlamini", PRO_YEARLY, By::Reference),
    ("Tatiana Petrova", PRO, By::Subscription),
    ("Urs Zimmermann", STARTER, By::Reference),
    ("Valentina Costa", TEAM, By::Reference),
];

/// The eleven who bought the new product besides Priya.
const BUYERS: [&str; 11] = [
    "Wanjiru Kamau",
    "Ximena Duarte",
    "Yusuf Demir",
    "Zoe Papadaki",
    "Anton Berg",
    "Bianca Moretti",
    "Cedric Lefevre",
    "Dalia Mansour",
    "Emeka Eze",
    "Freya Holm",
    "Goran Babic",
];

/// Payments that name no user; nobody in the application has these addresses either.
const STRAYS: [(&str, &str); 3] = [("Hana Suzuki", PRO), ("Ivo Kral", TEAM), ("June Walker", STARTER_YEARLY)];

pub(super) fn ordinary() -> impl Iterator<Item = Person> {
    ORDINARY.into_iter().map(|(name, plan, by)| Person::ordinary(name, plan, by))
}

pub(super) fn buyers() -> impl Iterator<Item = Person> {
    let rest = BUYERS.into_iter().map(|name| Person::ordinary(name, ANALYTICS, By::Reference));
    std::iter::once(Person::named("user_price_not_in_catalog", ANALYTICS, By::Reference)).chain(rest)
}

/// Users the application asks about. Not those of a story: once theirs is mended, what they were told before would be one more.
pub(super) fn users() -> impl Iterator<Item = String> {
    ordinary().chain(buyers().skip(1)).map(|person| person.user)
}

pub(super) fn strays() -> impl Iterator<Item = Person> {
    STRAYS.into_iter().map(|(name, plan)| Person::ordinary(name, plan, By::Nobody))
}
