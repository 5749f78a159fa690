//! The rate limit of each endpoint, and what came in spite of it (docs.stripe.com/rate-limits).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
/// First segments that are no collections but the beginning of their names.
const NAMESPACES: [&str; 4] = ["billing_portal", "checkout", "entitlements", "test_helpers"];

/// What one endpoint had to bear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Requests so far.
    pub requests: u64,
    /// Most requests within any second.
    pub peak: u64,
    /// Those that were answered 429 because of the rate limit.
    pub refused: u64,
}

/// A bucket for each endpoint, filled with `limit` tokens a second up to `limit`.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    /// Requests a second; none is no limit.
    pub(crate) limit: Option<u32>,
    routes: HashMap<String, Route>,
}

#[derive(Debug)]
struct Route {
    tokens: f64,
    filled_at: Instant,
    lately: VecDeque<Instant>,
    load: Load,
}

impl Rates {
    /// Counts a request; whether it is within the limit.
    pub(crate) fn admit(&mut self, method: &str, path: &str, now: Instant) -> bool {
        let limit = self.limit.map(f64::from);
        let route = self.routes.entry(route(method, path)).or_insert_with(|| Route {
            tokens: limit.unwrap_or(0.0),
            filled_at: now,
            lately: VecDeque::new(),
            load: Load::default(),
        });
        while route.lately.front().is_some_and(|at| now.duration_since(*at) >= SECOND) {
            route.lately.pop_front();
        }
        route.lately.push_back(now);
        route.load.requests += 1;
        route.load.peak = route.load.peak.max(route.lately.len() as u64);
        let Some(limit) = limit else { return true };
        let fresh = now.duration_since(route.filled_at).as_secs_f64() * limit;
        (route.tokens, route.filled_at) = ((route.tokens + fresh).min(limit), now);
        let admitted = route.tokens >= 1.0;
        if admitted {
            route.tokens -= 1.0;
        } else {
            route.load.refused += 1;
        }
        admitted
    }

    /// By endpoint, such as `GET /customers/:id`.
    pub(crate) fn loads(&self) -> BTreeMap<String, Load> {
        self.routes.iter().map(|(route, known)| (route.clone(), known.load)).collect()
    }

    /// Begins to count anew, with full buckets.
    pub(crate) fn reset(&mut self, limit: Option<u32>) {
        *self = Self { limit, routes: HashMap::new() };
    }
}

/// The method and the address without its ids: collections and ids take turns.
fn route(method: &str, path: &str) -> String {
    let mut route = format!("{method} ");
    let mut is_id = false;
    for segment in path.trim_start_matches("/v1").split('/').filter(|segment| !segment.is_empty()) {
        route.push('/');
        route.push_str(if is_id { ":id" } else { segment });
        is_id = !is_id && !NAMESPACES.contains(&segment);
    }
    route
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_a_bucket_of_its_own_that_fills_evenly() {
        let mut rates = Rates { limit: Some(25), ..Rates::default() };
        let start = Instant::now();
        let mut admitted = |path: &str, millis: u64, count: usize| {
            (0..count).filter(|_| rates.admit("GET", path, start + Duration::from_millis(millis))).count()
        };
        assert_eq!(admitted("/v1/customers/cus_1", 0, 30), 25);
        assert_eq!(admitted("/v1/customers/cus_2", 0, 1), 0, "ids do not matter");
        assert_eq!(admitted("/v1/customers", 0, 1), 1);
        assert_eq!(admitted("/v1/customers/cus_2", 210, 30), 5);
        assert_eq!(admitted("/v1/customers/cus_2", 5000, 30), 25);
        let load = Load { requests: 91, peak: 61, refused: 36 };
        assert_eq!(rates.loads()["GET /customers/:id"], load);
        assert_eq!(route("POST", "/v1/checkout/sessions/cs_1/expire"), "POST /checkout/sessions/:id/expire");
    }
}
