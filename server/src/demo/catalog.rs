//! What is sold, and what it gives.

use domain::Term;
use domain::catalog::{Feature, FeatureGrant, FeatureType};
use store::records::TargetKind;

use super::stage::{MODE, Stage};

pub(super) const STARTER: &str = "price_DemoStarterMonthly";
pub(super) const STARTER_YEARLY: &str = "price_DemoStarterYearly";
pub(super) const PRO: &str = "price_DemoProMonthly";
pub(super) const PRO_YEARLY: &str = "price_DemoProYearly";
pub(super) const TEAM: &str = "price_DemoTeamMonthly";
pub(super) const TEAM_YEARLY: &str = "price_DemoTeamYearly";
/// Sold, and left out of the catalog: whoever buys it pays and gets nothing.
pub const ANALYTICS: &str = "price_DemoAnalyticsMonthly";
/// A one-off help that comes with a plan; rightly gives nothing.
pub(super) const ONBOARDING: &str = "price_DemoOnboardingMonthly";

/// Bought once: for ever, for two weeks, and credits.
pub(super) const LIFETIME: &str = "price_DemoLifetime";
pub(super) const PASS: &str = "price_DemoPass";
pub(super) const CREDITS: &str = "price_DemoCredits";

/// Key, name, type.
const FEATURES: [(&str, &str, FeatureType); 6] = [
    ("pro", "Pro tools", FeatureType::Switch),
    ("api-access", "API access", FeatureType::Switch),
    ("priority-support", "Priority support", FeatureType::Switch),
    ("projects", "Projects", FeatureType::Limit),
    ("team-seats", "Seats in the team", FeatureType::Limit),
    ("ai-credits", "AI credits", FeatureType::Metered),
];

/// Product, name, then its prices: id, US cents, interval (none: bought once), what people call it.
type Sold = (&'static str, &'static str, &'static [(&'static str, i64, Option<&'static str>, &'static str)]);

const FIRST: [Sold; 6] = [
    (
        "prod_DemoStarter",
        "Starter",
        &[(STARTER, 900, Some("month"), "Starter, monthly"), (STARTER_YEARLY, 9_000, Some("year"), "Starter, yearly")],
    ),
    (
        "prod_DemoPro",
        "Pro",
        &[(PRO, 2_900, Some("month"), "Pro, monthly"), (PRO_YEARLY, 29_000, Some("year"), "Pro, yearly")],
    ),
    (
        "prod_DemoTeam",
        "Team",
        &[(TEAM, 9_900, Some("month"), "Team, monthly"), (TEAM_YEARLY, 99_000, Some("year"), "Team, yearly")],
    ),
    ("prod_DemoProOnce", "Pro, bought once", &[(LIFETIME, 19_900, None, "Lifetime"), (PASS, 1_500, None, "Two weeks")]),
    ("prod_DemoCredits", "AI credits", &[(CREDITS, 2_000, None, "500 credits")]),
    ("prod_DemoOnboarding", "Onboarding", &[(ONBOARDING, 4_900, Some("month"), "Onboarding hours")]),
];

const NEWEST: Sold = ("prod_DemoAnalytics", "Analytics", &[(ANALYTICS, 1_900, Some("month"), "Analytics, monthly")]);

/// The catalog that the founder made at first: some of it by product, some by price, some in Stripe.
pub(super) async fn open_shop(stage: &Stage) -> anyhow::Result<()> {
    for sold in FIRST {
        sell(stage, sold);
    }
    say_in_stripe(stage);
    let author = stage.author("staff:demo@example.com", Some("First catalog"));
    for (key, name, kind) in FEATURES {
        let feature = Feature { name: Some(name.to_owned()), ..Feature::new(key, kind) };
        stage.state.store.put_feature(MODE, &feature, &author).await?;
    }
    let on = |feature: &str| FeatureGrant::of(feature);
    let limit = |feature: &str, value| FeatureGrant::of(feature).with_value(Some(value));
    let pro = vec![on("pro"), on("api-access"), limit("projects", 25)];
    let team = vec![on("pro"), on("api-access"), limit("projects", 100), limit("team-seats", 10)];
    let store = &stage.state.store;
    for price in [PRO, PRO_YEARLY] {
        store.put_grants(MODE, TargetKind::Price, price, &pro, &author).await?;
    }
    let once = [
        (LIFETIME, on("pro")),
        (PASS, FeatureGrant { duration: Term::parse("14d"), ..on("pro") }),
        (CREDITS, FeatureGrant { credits: Some(500), ..on("ai-credits") }),
    ];
    for (price, grant) in once {
        store.put_grants(MODE, TargetKind::Price, price, &[grant], &author).await?;
    }
    store.put_grants(MODE, TargetKind::Product, "prod_DemoTeam", &team, &author).await?;
    // Who pays for the year gets more of the same: a price adds to its product.
    store.put_grants(MODE, TargetKind::Price, TEAM_YEARLY, &[limit("team-seats", 15)], &author).await?;
    Ok(())
}

/// What stands in Stripe itself: the metadata of one product, a feature of another.
fn say_in_stripe(stage: &Stage) {
    stage.stripe.request("POST", "products/prod_DemoStarter", "metadata[features]=projects%3D3");
    let feature =
        stage.stripe.request("POST", "entitlements/features", "lookup_key=priority-support&name=Priority+support");
    let form = format!("entitlement_feature={}", feature["id"].as_str().unwrap_or_default());
    stage.stripe.request("POST", "products/prod_DemoTeam/features", &form);
}

/// A product is added in Stripe, and nobody thinks of the catalog.
pub(super) fn sell_analytics(stage: &Stage) {
    sell(stage, NEWEST);
}

fn sell(stage: &Stage, (product, name, prices): Sold) {
    stage.stripe.create_product(Some(product), name);
    for (price, cents, interval, nickname) in prices {
        let nickname = nickname.replace(' ', "+");
        let interval = interval.map_or_else(String::new, |interval| format!("&recurring[interval]={interval}"));
        let form =
            format!("id={price}&product={product}&currency=usd&unit_amount={cents}&nickname={nickname}{interval}");
        stage.stripe.request("POST", "prices", &form);
    }
}
