//! W1 to W7 and M1 to M3: what keeps a payment from reaching its user.

use super::*;

#[test]
fn no_events() {
    let diagnosis = diagnosis_of(&known(), |chain| chain.last_accepted_at = None);
    assert_row(
        &diagnosis,
        "no_events",
        LinkName::Webhook,
        "No webhook has ever arrived in live mode.",
        &[VALIDATOR, FETCH, GRANT],
    );
    assert_eq!(diagnosis.links[0].state, LinkState::Unknown);
}

#[test]
fn endpoint_disabled() {
    let diagnosis = diagnosis_of(&user(vec![]), |chain| chain.endpoint_disabled = Some("we_1".to_owned()));
    let sentence = "Stripe has disabled our webhook endpoint we_1, or lost it.";
    assert_row(&diagnosis, "endpoint_disabled", LinkName::Webhook, sentence, &[VALIDATOR, RESYNC, FETCH]);
}

#[test]
fn signature() {
    let rejection = |at| Some(Rejection { at, message: "no signature matches.".to_owned() });
    let diagnosis = diagnosis_of(&user(vec![]), |chain| chain.rejected_recent = rejection(NOW));
    let sentence = format!(
        "Webhooks are rejected, most likely for a wrong signing secret: no signature matches ({}).",
        words::moment(NOW)
    );
    assert_row(&diagnosis, "signature", LinkName::Webhook, &sentence, &[VALIDATOR, RESYNC, FETCH]);
    let since = diagnosis_of(&user(vec![]), |chain| chain.rejected_recent = rejection(day(-2)));
    assert_eq!(since.code, "sub_none", "an event was accepted since");
    let paid = diagnosis_of(&paying("active", "price_new"), |chain| chain.rejected_recent = rejection(NOW));
    assert_eq!(paid.code, "price_not_in_catalog", "no event could change that");
}

#[test]
fn key_permission() {
    let diagnosis = diagnosis_of(&user(vec![]), |chain| {
        let message = "no permission for subscriptions".to_owned();
        chain.customers[0].read_error = Some(ReadError { status: Some(403), message, at: day(-1) });
    });
    let sentence = "Our Stripe key may not read cus_1: Stripe answered 403 (no permission for subscriptions).";
    assert_row(&diagnosis, "key_permission", LinkName::Webhook, sentence, &[VALIDATOR, RESYNC]);
}

#[test]
fn events_missing() {
    let diagnosis =
        diagnosis_of(&user(vec![]), |chain| chain.events_missing = Some(EventsMissing { missing: 2, listed: 5 }));
    assert_row(
        &diagnosis,
        "events_missing",
        LinkName::Webhook,
        "2 of 5 events never arrived.",
        &[FETCH, RESYNC, VALIDATOR],
    );
}

#[test]
fn webhook_failed() {
    let failed = |dead| FailedEvent {
        id: "evt_9".to_owned(),
        kind: "customer.subscription.created".to_owned(),
        error: "items is missing".to_owned(),
        at: day(-1),
        dead,
    };
    let diagnosis = diagnosis_of(&user(vec![]), |chain| chain.events.failed = vec![failed(true)]);
    let process = ("process_event", "/admin/events/evt_9", Role::Support);
    let open = ("open_event", "/admin/events/evt_9", Role::Viewer);
    let sentence = "evt_9 (customer.subscription.created) failed and was given up: items is missing.";
    assert_row(&diagnosis, "webhook_failed", LinkName::Webhook, sentence, &[process, open, RESYNC]);
    assert_eq!(diagnosis.links[1].evidence.as_deref(), Some("evt_9"));
    let again = diagnosis_of(&user(vec![]), |chain| chain.events.failed = vec![failed(false)]);
    assert!(again.sentence.contains("will be tried again"), "{}", again.sentence);
}

#[test]
fn webhook_pending() {
    let pending = |id: &str, secs| PendingEvent { id: id.to_owned(), since: NOW.plus_secs(secs) };
    let diagnosis =
        diagnosis_of(&user(vec![]), |chain| chain.events.pending = vec![pending("evt_1", -40), pending("evt_2", -30)]);
    let process = ("process_event", "/admin/events/evt_1", Role::Support);
    let sentence = "evt_1 has waited to be processed for 40 s, 1 more behind it.";
    assert_row(&diagnosis, "webhook_pending", LinkName::Webhook, sentence, &[process, RESYNC]);
    assert_eq!(diagnosis.links[1].state, LinkState::Waiting);
    let fresh = diagnosis_of(&user(vec![]), |chain| chain.events.pending = vec![pending("evt_1", -10)]);
    assert_eq!(fresh.code, "sub_none", "ten seconds are not worth a word");
}

#[test]
fn a_customer_that_waits_to_be_read_is_pending_too() {
    let waits = |chain: &mut Chain<'_>| {
        chain.customers[0].dirty_since = Some(NOW.plus_secs(-3600));
        chain.customers[0].read_error = Some(ReadError { status: None, message: "timed out".to_owned(), at: NOW });
    };
    let diagnosis = diagnosis_of(&user(vec![]), waits);
    let sentence = "cus_1 has waited to be read from Stripe for 60 minutes (timed out).";
    assert_row(&diagnosis, "webhook_pending", LinkName::Webhook, sentence, &[RESYNC, GRANT]);
    let without_key = diagnosis_of(&user(vec![]), |chain| {
        waits(chain);
        chain.has_stripe_key = false;
    });
    assert_eq!(without_key.code, "sub_none", "without a key the payloads are all there is");
}

#[test]
fn unattributed() {
    let diagnosis =
        diagnosis_of(&known(), |chain| chain.candidates = vec![candidate("cus_9", Likeness::SameEmail, day(-2))]);
    let link = ("link_customer", "/admin/unattributed/cus_9", Role::Support);
    let sentence = "cus_9 is not linked to a user; it has the same e-mail address, ada@example.com.";
    assert_row(&diagnosis, "unattributed", LinkName::Mapping, sentence, &[link, GRANT]);
    use LinkState::{Broken, NotReached, Ok, Unknown};
    assert_eq!(states(&diagnosis), [Unknown, Ok, Broken, NotReached, NotReached]);
    let claimed = diagnosis_of(&known(), |chain| {
        chain.candidates = vec![candidate("cus_9", Likeness::Claim(MappingSource::CustomerMetadata), day(-2))];
    });
    assert!(claimed.sentence.ends_with("its customer_metadata names them."), "{}", claimed.sentence);
}

#[test]
fn a_complete_checkout_of_a_customer_without_user_is_unattributed() {
    let diagnosis = diagnosis_of(&known(), |chain| {
        let mut complete = checkout("complete", "paid");
        complete.session.customer_id = Some("cus_9".to_owned());
        chain.checkouts = vec![complete];
    });
    assert_eq!(diagnosis.code, "unattributed", "{}", diagnosis.sentence);
    assert_eq!(diagnosis.links[0].state, LinkState::Ok);
}

#[test]
fn a_second_customer_of_somebody_who_pays_nothing_is_unattributed() {
    let other = |has_subscription| {
        let facts = paying("canceled", "price_pro");
        let mut other = candidate("cus_9", Likeness::SameEmail, day(-2));
        other.has_subscription = has_subscription;
        diagnosis_of(&facts, |chain| chain.candidates = vec![other]).code
    };
    assert_eq!(other(true), "unattributed");
    assert_eq!(other(false), "sub_canceled");
}

#[test]
fn ambiguous_customer() {
    let conflict = ConflictRecord {
        customer_id: "cus_9".to_owned(),
        current: "user_1".to_owned(),
        claimed: "user_42".to_owned(),
        evidence: Some("evt_5".to_owned()),
    };
    let diagnosis = diagnosis_of(&known(), |chain| chain.conflicts = vec![conflict.clone()]);
    let choose = ("choose_owner", "/admin/mappings?customer=cus_9", Role::Admin);
    let sentence = "Two users point to one Stripe customer: cus_9 is linked to user_1, and evt_5 says user_42.";
    assert_row(&diagnosis, "ambiguous_customer", LinkName::Mapping, sentence, &[choose, GRANT]);
    let mine = ConflictRecord {
        customer_id: "cus_1".to_owned(),
        current: "user_42".to_owned(),
        claimed: "user_1".to_owned(),
        ..conflict
    };
    let other_side = diagnosis_of(&paying("unpaid", "price_pro"), |chain| chain.conflicts = vec![mine]);
    assert_eq!(other_side.code, "sub_unpaid", "they hold the customer, so it is not what denies");
}

#[test]
fn two_customers_with_the_address_are_ambiguous() {
    let diagnosis = diagnosis_of(&known(), |chain| {
        chain.candidates = ["cus_8", "cus_9"].map(|id| candidate(id, Likeness::SameEmail, day(-2))).to_vec();
    });
    assert_eq!(diagnosis.code, "ambiguous_customer");
    let labels: Vec<_> = diagnosis.fixes.iter().map(|fix| fix.label.as_str()).collect();
    assert_eq!(labels, ["Link cus_8 to user_42", "Link cus_9 to user_42"]);
}

#[test]
fn pending_link() {
    let diagnosis = diagnosis_of(&known(), |chain| {
        chain.candidates = vec![candidate("cus_9", Likeness::SameEmail, NOW.plus_secs(-5))]
    });
    let link = ("link_customer", "/admin/unattributed/cus_9", Role::Support);
    let sentence = "evt_7 has just come from Stripe; the event that names its user is not here yet.";
    assert_row(&diagnosis, "pending_link", LinkName::Mapping, sentence, &[link, RESYNC, FETCH]);
    assert_eq!(diagnosis.links[2].state, LinkState::Waiting);
}
