//! C1 to C5.

use super::*;

#[test]
fn no_checkout() {
    let expected = [("find_customer", "/admin/unattributed", Role::Support), GRANT];
    let sentence = "user_42 never started Checkout: no session and no Stripe customer is known.";
    let diagnosis = diagnosis_of(&known(), |_| {});
    assert_row(&diagnosis, "no_checkout", LinkName::Checkout, sentence, &expected);
    use LinkState::{Broken, NotReached};
    assert_eq!(states(&diagnosis), [Broken, NotReached, NotReached, NotReached, NotReached]);
    let nobody = diagnosis_of(&UserFacts::default(), |_| {});
    assert_eq!(nobody.code, "no_checkout", "a user never heard of");
}

#[test]
fn checkout_open() {
    let diagnosis = diagnosis_of(&known(), |chain| chain.checkouts = vec![checkout("open", "unpaid")]);
    let expected = [("copy_checkout_link", "https://checkout.stripe.com/c/pay/cs_1", Role::Viewer), GRANT];
    let sentence = "Checkout cs_1 is not finished (expires in 3 hours).";
    assert_row(&diagnosis, "checkout_open", LinkName::Checkout, sentence, &expected);
    assert_eq!(diagnosis.links[0].state, LinkState::Waiting);
    let odd = diagnosis_of(&known(), |chain| {
        let mut open = checkout("open", "unpaid");
        open.session.url = Some("javascript:alert(1)".to_owned());
        chain.checkouts = vec![open];
    });
    assert_eq!(odd.fixes.len(), 1, "only an https address is offered");
}

#[test]
fn an_open_checkout_explains_nothing_once_a_subscription_came_after_it() {
    let diagnosis =
        diagnosis_of(&paying("unpaid", "price_pro"), |chain| chain.checkouts = vec![checkout("open", "unpaid")]);
    assert_eq!(diagnosis.code, "sub_unpaid");
}

#[test]
fn checkout_expired() {
    let diagnosis = diagnosis_of(&known(), |chain| {
        let mut expired = checkout("expired", "unpaid");
        expired.session.expires_at = Some(NOW.plus_secs(-60));
        chain.checkouts = vec![expired];
    });
    let on = words::day(NOW.plus_secs(-60));
    let sentence = format!("Checkout cs_1 expired on {on} before payment; they have to start again.");
    assert_row(&diagnosis, "checkout_expired", LinkName::Checkout, &sentence, &[GRANT]);
    let by_the_clock = diagnosis_of(&known(), |chain| {
        let mut open = checkout("open", "unpaid");
        open.session.expires_at = Some(NOW);
        chain.checkouts = vec![open];
    });
    assert_eq!(by_the_clock.code, "checkout_expired", "no event needs to say so");
}

#[test]
fn checkout_payment_pending() {
    let mut facts = user(vec![]);
    facts.payment_pending = true;
    let diagnosis = diagnosis_of(&facts, |chain| chain.checkouts = vec![checkout("complete", "unpaid")]);
    let sentence = "The payment of cs_1 is still clearing; access comes by itself when Stripe reports it.";
    assert_row(&diagnosis, "checkout_payment_pending", LinkName::Checkout, sentence, &[RESYNC, GRANT]);
    assert_eq!(diagnosis.links[0].state, LinkState::Waiting);
    assert_eq!(diagnosis.links[2].state, LinkState::Ok, "what lies beyond is known, and said");
}

#[test]
fn mode_mismatch() {
    let diagnosis = diagnosis_of(&known(), |chain| chain.other_mode = true);
    let sentence = "user_42 is known in test mode, and this is the answer for live mode.";
    assert_row(&diagnosis, "mode_mismatch", LinkName::Checkout, sentence, &[VALIDATOR, GRANT]);
    let mapped = diagnosis_of(&user(vec![]), |chain| chain.other_mode = true);
    assert_eq!(mapped.code, "sub_none", "known in both modes is no mistake");
}
