//! Which of four: never sent, not delivered, failed here, or processed and denied.

use super::*;
use crate::delivery::Undelivered;

fn fetched(reason: Undelivered, count: u64) -> FetchedEvents {
    FetchedEvents { reason, count }
}

#[test]
fn what_was_processed_is_judged_by_policy() {
    let news = diagnosis_of(&paying("canceled", "price_pro"), |_| {}).news;
    assert_eq!((news.code, news.processed), (NewsCode::DeniedByPolicy, 5));
    assert_eq!(
        news.sentence,
        "All 5 events about them were processed; access is denied by policy: subscription canceled."
    );
    let news = diagnosis_of(&paying("active", "price_pro"), |_| {}).news;
    assert_eq!(news.code, NewsCode::Processed);
}

#[test]
fn what_was_fetched_says_why() {
    let fetch = |reasons: &[(Undelivered, u64)], facts: &UserFacts| {
        diagnosis_of(facts, |chain| {
            chain.events.fetched = reasons.iter().map(|(reason, count)| fetched(*reason, *count)).collect();
        })
        .news
    };
    let (unpaid, paid) = (paying("canceled", "price_pro"), paying("active", "price_pro"));
    let news = fetch(&[(Undelivered::TypeNotEnabled, 2), (Undelivered::NotAccepted, 1)], &paid);
    assert_eq!((news.code, news.never_sent, news.not_delivered, news.processed), (NewsCode::NeverSent, 2, 1, 2));
    assert!(news.sentence.starts_with("2 of 5 events were fetched, not delivered: our webhook endpoint"), "{news:?}");
    assert!(news.sentence.contains(". 1 of 5 events was fetched, not delivered: Stripe sent it"), "{news:?}");
    assert_eq!(fetch(&[(Undelivered::NotAccepted, 1)], &paid).code, NewsCode::NotDelivered);
    assert_eq!(fetch(&[(Undelivered::Untold, 1)], &paid).code, NewsCode::Processed, "Stripe does not tell");
    assert_eq!(fetch(&[(Undelivered::NotAccepted, 1)], &unpaid).code, NewsCode::DeniedByPolicy, "it is here by now");
}

#[test]
fn a_failure_here_and_a_dead_endpoint_come_first() {
    let failed = FailedEvent {
        id: "evt_9".to_owned(),
        kind: "customer.subscription.created".to_owned(),
        error: "items is missing.".to_owned(),
        at: day(-1),
        dead: false,
    };
    let news = diagnosis_of(&user(vec![]), |chain| {
        chain.events.failed = vec![failed];
        chain.endpoint_disabled = Some("we_1".to_owned());
    });
    assert_eq!((news.news.code, news.news.failed_here), (NewsCode::FailedHere, 1));
    assert!(news.news.sentence.ends_with("failed here: items is missing."), "{news:?}");
    let lost =
        |facts: &UserFacts| diagnosis_of(facts, |chain| chain.endpoint_disabled = Some("we_1".to_owned())).news.code;
    assert_eq!(lost(&user(vec![])), NewsCode::NeverSent);
    assert_eq!(lost(&paying("canceled", "price_pro")), NewsCode::DeniedByPolicy, "no event could change that");
    assert_eq!(lost(&paying("active", "price_pro")), NewsCode::Processed);
}

#[test]
fn waiting_and_silence_are_said() {
    let news = diagnosis_of(&user(vec![]), |chain| {
        chain.events.pending = vec![PendingEvent { id: "evt_8".to_owned(), since: NOW }];
    });
    assert_eq!((news.news.code, news.news.waiting), (NewsCode::Waiting, 1));
    let news = diagnosis_of(&known(), |_| {}).news;
    assert_eq!((news.code, news.processed), (NewsCode::NothingHeard, 0));
}
