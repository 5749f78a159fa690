//! What is sold, and what it gives.

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

/// Key, name, type.
const FEATURES: [(&str, &str, FeatureType); 5] = [
    ("pro", "Pro tools", FeatureType::Switch),
    ("api-access", "API access", FeatureType::Switch),
    ("priority-support", "Priority support", FeatureType::Switch),
    ("projects", "Projects", FeatureType::Limit),
    ("team-seats", "Seats in the team", FeatureType::Limit),
];

/// Product, name, then its prices: id, US cents, interval, what people call it.
type Sold = (&'static str, &'static str, &'static [(&'static str, i64, &'static str, &'static str)]);

const FIRST: [Sold; 4] = [
    (
        "prod_DemoStarter",
        "Starter",
        &[(STARTER, 900, "month", "Starter, monthly"), (STARTER_YEARLY, 9_000, "year", "Starter, yearly")],
    ),
    ("prod_DemoPro", "Pro", &[(PRO, 2_900, "month", "Pro, monthly"), (PRO_YEARLY, 29_000, "year", "Pro, yearly")]),
    (
        "prod_DemoTeam",
        "Team",
        &[(TEAM, 9_900, "month", "Team, monthly"), (TEAM_YEARLY, 99_000, "year", "Team, yearly")],
    ),
    ("prod_DemoOnboarding", "Onboarding", &[(ONBOARDING, 4_900, "month", "Onboarding hours")]),
];

const NEWEST: Sold = ("prod_DemoAnalytics", "Analytics", &[(ANALYTICS, 1_900, "month", "Analytics, monthly")]);

/// The catalog that the founder made at first: some of it by product, some by price.
pub(super) async fn open_shop(stage: &Stage) -> anyhow::Result<()> {
    for sold in FIRST {
        sell(stage, sold);
    }
    let author = stage.author("staff:demo@example.com", Some("First catalog"));
    for (key, name, kind) in FEATURES {
        let feature = Feature { name: Some(name.to_owned()), ..Feature::new(key, kind) };
        stage.state.store.put_feature(MODE, &feature, &author).await?;
    }
    let on = |feature: &str| FeatureGrant::of(feature);
    let limit = |feature: &str, value| FeatureGrant::of(feature).with_value(Some(value));
    let starter = vec![limit("projects", 3)];
    let pro = vec![on("pro"), on("api-access"), limit("projects", 25)];
    let team =
        vec![on("pro"), on("api-access"), on("priority-support"), limit("projects", 100), limit("team-seats", 10)];
    let store = &stage.state.store;
    store.put_grants(MODE, TargetKind::Product, "prod_DemoStarter", &starter, &author).await?;
    for price in [PRO, PRO_YEARLY] {
        store.put_grants(MODE, TargetKind::Price, price, &pro, &author).await?;
    }
    store.put_grants(MODE, TargetKind::Product, "prod_DemoTeam", &team, &author).await?;
    // Who pays for the year gets more of the same: a price adds to its product.
    store.put_grants(MODE, TargetKind::Price, TEAM_YEARLY, &[limit("team-seats", 15)], &author).await?;
    Ok(())
}

/// A product is added in Stripe, and nobody thinks of the catalog.
pub(super) fn sell_analytics(stage: &Stage) {
    sell(stage, NEWEST);
}

fn sell(stage: &Stage, (product, name, prices): Sold) {
    stage.stripe.create_product(Some(product), name);
    for (price, cents, interval, nickname) in prices {
        let nickname = nickname.replace(' ', "+");
        let form = format!(
            "id={price}&product={product}&currency=usd&unit_amount={cents}&recurring[interval]={interval}&nickname={nickname}"
        );
        stage.stripe.request("POST", "prices", &form);
    }
}
