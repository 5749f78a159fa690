//! Expected signatures were made with another implementation of HMAC-SHA256 (Python's `hmac`), over `1790000000.` and the body.

use super::*;

const T: i64 = 1_790_000_000;
const BODY: &[u8] = br#"{"id":"evt_1","object":"event"}"#;
const FIRST: &str = "5fa03612df8101ee78e780ce814dd2b9a57ac2950f60f96067880d54e6bfd263";
const SECOND: &str = "b40179558d6e72ed511536f143f72b9dea7d9f7d3f348ce568bebf8f314bad61";

fn secrets(specs: &[&str]) -> Vec<Secret> {
    specs.iter().enumerate().map(|(n, spec)| Secret::parse(spec, n + 1).unwrap()).collect()
}

fn both() -> Vec<Secret> {
    secrets(&["dashboard=whsec_test_first", "cli=whsec_test_second"])
}

fn check(body: &[u8], header: &str, secrets: &[Secret], now: i64) -> Result<Verified, Rejection> {
    verify(body, Some(header), secrets, now, DEFAULT_TOLERANCE_SECS)
}

fn rejected(header: &str) -> Rejection {
    check(BODY, header, &both(), T).unwrap_err()
}

#[test]
fn right_signature_names_its_secret_and_time() {
    let verified = check(BODY, &format!("t={T},v1={FIRST}"), &both(), T + 12).unwrap();
    assert_eq!(verified, Verified { secret_name: "dashboard".to_owned(), timestamp: T });
    let verified = check(BODY, &format!("t={T},v1={SECOND}"), &both(), T).unwrap();
    assert_eq!(verified.secret_name, "cli");
}

#[test]
fn body_need_not_be_text() {
    let header = format!("t={T},v1=54bb49547076f27300be63a4e8a1581362a33f219e020c643648f916a5f2fddf");
    check(b"\xff\xfe\x00 raw", &header, &both(), T).unwrap();
}

#[test]
fn any_signature_may_match_any_secret_while_a_secret_is_rolled() {
    let stranger = "0".repeat(64);
    for header in [
        format!("t={T},v1={FIRST},v1={SECOND}"),
        format!("t={T},v1={stranger},v1={SECOND}"),
        format!("t={T},v1={FIRST},v1={stranger},v0={stranger}"),
        format!("v1={stranger},v1={FIRST},t={T}"),
        format!("t={T}, v1={FIRST}"),
        format!("t={T},v1=cut0ff,v1={FIRST},v2=later,unknown"),
    ] {
        check(BODY, &header, &both(), T).unwrap();
    }
    // Only the new secret is known here, only the old one, and both in the other order.
    let header = format!("t={T},v1={FIRST},v1={SECOND}");
    for (specs, name) in [
        (vec!["whsec_test_second"], "secret 1"),
        (vec!["old=whsec_test_first"], "old"),
        (vec!["whsec_unrelated", "whsec_test_first"], "secret 2"),
    ] {
        assert_eq!(check(BODY, &header, &secrets(&specs), T).unwrap().secret_name, name);
    }
}

#[test]
fn changed_body_time_or_scheme_is_a_mismatch() {
    let changed = br#"{"id":"evt_2","object":"event"}"#;
    let header = format!("t={T},v1={FIRST}");
    let rejections = [
        check(changed, &header, &both(), T).unwrap_err(),
        check(b"", &header, &both(), T).unwrap_err(),
        check(BODY, &header, &secrets(&["whsec_other"]), T).unwrap_err(),
        rejected(&format!("t={},v1={FIRST}", T + 1)),
        rejected(&format!("t=0{T},v1={FIRST}")),
        rejected(&format!("t={T},v0={FIRST},v1={}", "0".repeat(64))),
    ];
    for rejection in rejections {
        assert_eq!(rejection.check, Check::SignatureMismatch);
    }
    let rejection = rejected(&format!("t={T},v1={}", "a".repeat(64)));
    assert_eq!(rejection.tried, ["dashboard", "cli"]);
    assert!(
        rejection.message.starts_with("None of the secrets tried (dashboard, cli) made this signature."),
        "{rejection}"
    );
}

#[test]
fn time_counts_only_beyond_the_tolerance() {
    let header = format!("t={T},v1={FIRST}");
    for now in [T, T + 300, T - 300] {
        check(BODY, &header, &both(), now).unwrap();
    }
    let old = check(BODY, &header, &both(), T + 301).unwrap_err();
    assert_eq!((old.check, old.tried.len()), (Check::TimestampTooOld, 2));
    assert!(old.message.contains("made 301 s ago") && old.message.contains("300 s are allowed"), "{old}");
    let future = check(BODY, &header, &both(), T - 301).unwrap_err();
    assert_eq!(future.check, Check::TimestampInFuture);
    assert!(future.message.contains("301 s in the future"), "{future}");
    let ends = [check(BODY, &header, &both(), i64::MAX), check(BODY, &header, &both(), i64::MIN)];
    assert!(ends.iter().all(Result::is_err));
}

#[test]
fn clock_is_not_blamed_for_a_forged_signature() {
    let forged = format!("t=1,v1={}", "a".repeat(64));
    assert_eq!(rejected(&forged).check, Check::SignatureMismatch);
}

#[test]
fn malformed_headers_say_what_is_wrong() {
    let many = format!("t={T}{}", format!(",v1={FIRST}").repeat(17));
    let long = format!("t={T},v1={FIRST},x={}", "y".repeat(4096));
    for (header, fault) in [
        ("", "no time"),
        ("nonsense", "no time"),
        (&format!("v1={FIRST}"), "no time"),
        (&format!("t=,v1={FIRST}"), "no number"),
        (&format!("t=soon,v1={FIRST}"), "no number"),
        (&format!("t=-5,v1={FIRST}"), "no number"),
        (&format!("t=+{T},v1={FIRST}"), "no number"),
        (&format!("t=99999999999999999999,v1={FIRST}"), "no number"),
        (&format!("t={T},t={T},v1={FIRST}"), "more than one time"),
        (&format!("t={T}"), "no v1"),
        (&format!("t={T},v0={FIRST}"), "no v1"),
        (&format!("t={T},v1="), "64 hexadecimal"),
        (&format!("t={T},v1={}", &FIRST[2..]), "64 hexadecimal"),
        (&format!("t={T},v1={}zz", &FIRST[2..]), "64 hexadecimal"),
        (&many, "more than 16"),
        (&long, "bytes long"),
    ] {
        let rejection = rejected(header);
        assert_eq!((rejection.check, rejection.tried.len()), (Check::HeaderMalformed, 0), "{header:?}");
        assert!(rejection.message.contains(fault), "{header:?}: {rejection}");
    }
    let sixteen = format!("t={T}{}", format!(",v1={FIRST}").repeat(16));
    check(BODY, &sixteen, &both(), T).unwrap();
}

#[test]
fn nothing_is_believed_without_secret_or_header() {
    let header = format!("t={T},v1={FIRST}");
    assert_eq!(check(BODY, &header, &[], T).unwrap_err().check, Check::NoSecret);
    assert_eq!(verify(BODY, None, &both(), T, 300).unwrap_err().check, Check::HeaderMissing);
}

#[test]
fn secrets_are_parsed_with_and_without_a_name() {
    let named = Secret::parse("dashboard=whsec_abcd1234", 1).unwrap();
    assert_eq!((named.name.as_str(), named.last4()), ("dashboard", "1234"));
    // The sign may be part of a secret, not only behind a name.
    let unnamed = Secret::parse("whsec_abcd123=", 3).unwrap();
    assert_eq!((unnamed.name.as_str(), unnamed.last4()), ("secret 3", "123="));
}

#[test]
fn unfit_secrets_are_refused_without_being_repeated() {
    for (spec, name, fault) in [
        ("", "secret 2", SecretFault::Empty),
        ("cli=", "cli", SecretFault::Empty),
        ("whsec_abcd\n", "secret 2", SecretFault::Whitespace),
        ("cli= whsec_abcd1234", "cli", SecretFault::Whitespace),
        ("sk_test_hidden99", "secret 2", SecretFault::ApiKey),
        ("hidden99", "secret 2", SecretFault::Prefix),
        ("whsec_", "secret 2", SecretFault::CutOff),
        ("whsec_hid", "secret 2", SecretFault::CutOff),
        ("whsec_hidden99…", "secret 2", SecretFault::CutOff),
        ("=whsec_hidden99", "secret 2", SecretFault::Name),
        ("a/hidden99=whsec_abcd", "secret 2", SecretFault::Name),
        (" whsec_hidden99=cli", "secret 2", SecretFault::Name),
        ("sk_test_hidden99=cli", "secret 2", SecretFault::Name),
    ] {
        let error = Secret::parse(spec, 2).unwrap_err();
        assert_eq!((error.name.as_str(), error.fault), (name, fault), "{spec:?}");
        assert!(!error.to_string().contains("hid"), "{error}");
    }
}

#[test]
fn debug_shows_no_more_than_the_last_four() {
    let secret = Secret::parse("cli=whsec_NotForLogs4242", 1).unwrap();
    assert_eq!(format!("{secret:?}"), "Secret(cli, whsec_…4242)");
}
