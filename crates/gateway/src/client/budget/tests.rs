//! The budget by tokio's paused clock: nothing here takes any time.

use std::sync::Arc;

use super::*;

const CUSTOMERS: &str = "GET /customers/:id";
const MILLIS: fn(u64) -> Duration = Duration::from_millis;

/// Sends `count` requests at once; when each went, since the beginning of the test.
async fn send(budget: &Arc<Budget>, lane: Lane, endpoint: &'static str, count: usize) -> Vec<Duration> {
    let began = Instant::now();
    let mut sent = tokio::task::JoinSet::new();
    for _ in 0..count {
        let budget = Arc::clone(budget);
        sent.spawn(async move {
            let _permit = budget.permit(lane, endpoint).await;
            Instant::now().duration_since(began)
        });
    }
    let mut times = sent.join_all().await;
    times.sort();
    times
}

/// The most that went within any second.
fn peak(times: &[Duration]) -> usize {
    times.iter().map(|from| times.iter().filter(|at| (*from..*from + SECOND).contains(*at)).count()).max().unwrap()
}

fn budget(endpoint: usize, overall: usize) -> Arc<Budget> {
    Arc::new(Budget::new(Limits { endpoint, overall }))
}

#[tokio::test(start_paused = true)]
async fn no_second_has_more_than_stripe_allows() {
    for lane in Lane::ALL {
        let times = send(&budget(25, 100), lane, CUSTOMERS, 200).await;
        assert!(peak(&times) <= 25, "{lane:?}: {}", peak(&times));
    }
    let budget = budget(25, 100);
    let both = tokio::join!(
        send(&budget, Lane::Background, CUSTOMERS, 100),
        send(&budget, Lane::Live, CUSTOMERS, 60),
        send(&budget, Lane::Live, "GET /invoices", 60),
    );
    let customers = [both.0, both.1].concat();
    assert!(peak(&customers) <= 25, "{}", peak(&customers));
    assert!(peak(&both.2) <= 25, "{}", peak(&both.2));
}

#[tokio::test(start_paused = true)]
async fn all_endpoints_together_stay_under_the_limit_of_the_account() {
    let budget = budget(25, 25);
    let (a, b, c) = tokio::join!(
        send(&budget, Lane::Background, CUSTOMERS, 80),
        send(&budget, Lane::Background, "GET /invoices", 80),
        send(&budget, Lane::Live, "GET /charges", 80),
    );
    let all = [a, b, c].concat();
    assert!(peak(&all) <= 25, "{}", peak(&all));
}

#[tokio::test(start_paused = true)]
async fn background_alone_uses_nearly_the_whole_rate_and_goes_evenly() {
    let times = send(&budget(25, 100), Lane::Background, CUSTOMERS, 1000).await;
    let rate = 1000.0 / times.last().unwrap().as_secs_f64();
    assert!((23.75..=25.0).contains(&rate), "{rate} a second");
    let widest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(widest < MILLIS(90), "{widest:?} without any");
}

#[tokio::test(start_paused = true)]
async fn a_click_after_a_quiet_moment_does_not_wait_and_one_amid_background_work_hardly_does() {
    let budget = budget(25, 100);
    assert_eq!(*send(&budget, Lane::Live, CUSTOMERS, 25).await.last().unwrap(), Duration::ZERO);
    tokio::time::sleep(SECOND * 2).await;
    let busy = tokio::spawn({
        let budget = Arc::clone(&budget);
        async move { send(&budget, Lane::Background, CUSTOMERS, 500).await }
    });
    for _ in 0..5 {
        tokio::time::sleep(SECOND + MILLIS(217)).await;
        assert_eq!(send(&budget, Lane::Live, CUSTOMERS, 1).await, [Duration::ZERO]);
    }
    assert!(!busy.is_finished(), "it was still at work");
    busy.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_answer_goes_before_the_background() {
    let budget = budget(25, 100);
    let (background, live) =
        tokio::join!(send(&budget, Lane::Background, CUSTOMERS, 100), send(&budget, Lane::Live, CUSTOMERS, 75));
    let meanwhile = background.iter().filter(|at| *at < live.last().unwrap()).count();
    assert!(meanwhile <= 1, "{meanwhile} of the background went first");
    assert!(*live.last().unwrap() <= MILLIS(3100), "{live:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_429_all_stand_still_and_the_rate_comes_back_by_steps() {
    let budget = budget(24, 100);
    // Three that were under way together count as one.
    for _ in 0..3 {
        budget.limited(CUSTOMERS, Some("endpoint-rate"), None);
    }
    let times = send(&budget, Lane::Live, CUSTOMERS, 200).await;
    let within = |from: u64, to: u64| times.iter().filter(|at| (MILLIS(from)..MILLIS(to)).contains(*at)).count();
    assert_eq!((within(0, 1000), within(1000, 2000), within(2000, 3000)), (0, 12, 12), "half of it after a pause");
    assert_eq!(within(4000, 5000), 24, "then all of it");

    let other = send(&budget, Lane::Live, "GET /invoices", 24).await;
    assert_eq!(*other.last().unwrap(), Duration::ZERO, "other endpoints were not meant");
    budget.limited(CUSTOMERS, Some("global-rate"), Some(Duration::from_secs(5)));
    assert_eq!(send(&budget, Lane::Live, "GET /charges", 1).await, [Duration::from_secs(5)]);
    budget.limited(CUSTOMERS, None, None);
    assert_eq!(send(&budget, Lane::Live, CUSTOMERS, 1).await, [Duration::ZERO], "a lock on an object is no rate");
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_halved_three_times_at_most() {
    let budget = budget(24, 100);
    for _ in 0..5 {
        budget.limited(CUSTOMERS, Some("endpoint-concurrency"), None);
        tokio::time::sleep(SECOND).await;
    }
    let times = send(&budget, Lane::Live, CUSTOMERS, 4).await;
    assert_eq!(times, [Duration::ZERO, Duration::ZERO, Duration::ZERO, SECOND]);
}

#[tokio::test(start_paused = true)]
async fn requests_under_way_are_bounded_and_leave_room_for_the_live_lane() {
    let budget = budget(1000, 1000);
    let mut under_way = Vec::new();
    for _ in 0..IN_FLIGHT_IN_BACKGROUND {
        under_way.push(budget.permit(Lane::Background, CUSTOMERS).await);
    }
    let wait = |lane| tokio::time::timeout(Duration::from_secs(60), budget.permit(lane, CUSTOMERS));
    assert!(wait(Lane::Background).await.is_err());
    for _ in IN_FLIGHT_IN_BACKGROUND..IN_FLIGHT {
        under_way.push(wait(Lane::Live).await.unwrap());
    }
    assert!(wait(Lane::Live).await.is_err());
    under_way.clear();
    assert!(wait(Lane::Background).await.is_ok(), "who gave up waiting is not waited for");
}

#[test]
fn endpoints_are_routes_without_their_ids() {
    for (path, route) in [
        ("/customers/cus_1", "GET /customers/:id"),
        ("/customers", "GET /customers"),
        ("/checkout/sessions", "GET /checkout/sessions"),
        ("/checkout/sessions/cs_1/line_items", "GET /checkout/sessions/:id/line_items"),
        ("/entitlements/active_entitlements", "GET /entitlements/active_entitlements"),
        ("/products/checkout/features", "GET /products/:id/features"),
        ("/invoices/in_1/lines", "GET /invoices/:id/lines"),
    ] {
        assert_eq!(endpoint(StripeMethod::Get, path), route);
    }
    assert_eq!(endpoint(StripeMethod::Post, "/billing_portal/sessions"), "POST /billing_portal/sessions");
}

#[tokio::test(start_paused = true)]
async fn several_programs_share_what_stripe_allows() {
    let programs = [budget(25, 100), budget(25, 100), budget(25, 100)];
    for one in &programs {
        one.share(3);
    }
    let [a, b, c] = &programs;
    let sent = tokio::join!(
        send(a, Lane::Live, CUSTOMERS, 60),
        send(b, Lane::Background, CUSTOMERS, 60),
        send(c, Lane::Live, CUSTOMERS, 60)
    );
    let all = [sent.0, sent.1, sent.2].concat();
    assert!(peak(&all) <= 25, "{}", peak(&all));
    a.share(1);
    assert_eq!(peak(&send(a, Lane::Live, CUSTOMERS, 60).await), 25, "who is alone again has all of it");
}
