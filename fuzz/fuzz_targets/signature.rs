//! The `Stripe-Signature` header against a body: who is believed signed it, and who signed it rightly is believed.
//!
//! An input is `now tolerance`, a line with a signing secret, a line with the header, and the body behind it. `{1}` and `{2}` in the header
//! become right signatures of the two secrets below, at the time that the header names: nobody finds one by chance.
#![no_main]

use hmac::{Hmac, KeyInit as _, Mac as _};
use libfuzzer_sys::fuzz_target;
use sha2::Sha256;
use signature::{Check, DEFAULT_TOLERANCE_SECS, Secret, SecretError, SecretFault, verify};

#[path = "../../crates/gateway/src/signature/mod.rs"]
mod signature;

const SECRETS: [&str; 2] = ["whsec_test_first", "whsec_test_second"];

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(4, |byte| *byte == b'\n');
    let mut line = || std::str::from_utf8(parts.next().unwrap_or_default()).ok();
    let (Some(numbers), Some(spec), Some(header)) = (line(), line(), line()) else { return };
    let body = parts.next().unwrap_or_default();
    let mut numbers = numbers.split(' ').map(|number| number.parse::<i64>().unwrap_or(0));
    let (now, tolerance) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(DEFAULT_TOLERANCE_SECS));

    secret_is_masked(spec);
    let secrets: Vec<Secret> =
        ["first", "second"].iter().zip(SECRETS).map(|(name, value)| parsed(&format!("{name}={value}"))).collect();
    let times: Vec<&str> = header.split(',').filter_map(|part| part.trim().strip_prefix("t=")).collect();
    let right = |time: &str| SECRETS.map(|secret| sign(body, secret, time));
    let mut header = header.to_owned();
    if let Some(time) = times.first() {
        let [first, second] = right(time);
        header = header.replace("{1}", &first).replace("{2}", &second);
    }
    let values: Vec<&str> = header.split(',').filter_map(|part| part.trim().strip_prefix("v1=")).collect();
    // Which secrets signed it, looked for in another way than `verify` does.
    let signed: Vec<bool> = match header.split(',').filter_map(|part| part.trim().strip_prefix("t=")).next() {
        Some(time) => {
            right(time).iter().map(|right| values.iter().any(|value| value.eq_ignore_ascii_case(right))).collect()
        }
        None => vec![false; 2],
    };
    let is_plain =
        |time: &&str| !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit()) && time.parse::<i64>().is_ok();

    let found = verify(body, Some(&header), &secrets, now, tolerance);
    assert_eq!(found, verify(body, Some(&header), &secrets, now, tolerance));
    match &found {
        Ok(verified) => {
            let first = signed.iter().position(|signed| *signed).expect("whoever is believed signed it");
            assert_eq!(verified.secret_name, secrets[first].name);
            let age = i128::from(now) - i128::from(verified.timestamp);
            assert!(age.abs() <= i128::from(tolerance), "{age} of {tolerance}");
            assert!(times.len() == 1 && is_plain(&times[0]));
        }
        Err(rejection) => {
            assert!(!rejection.message.is_empty() && !rejection.message.contains(SECRETS[0]));
            assert!(!rejection.check.as_str().contains(' '), "a word for programs");
            let about_time = matches!(rejection.check, Check::TimestampTooOld | Check::TimestampInFuture);
            assert_eq!(about_time, !rejection.tried.is_empty() && rejection.check != Check::SignatureMismatch);
            let whole = times.len() == 1 && is_plain(&times[0]) && values.len() <= 16 && header.len() <= 4096;
            assert!(about_time || !(whole && signed.contains(&true)), "rightly signed and not believed: {rejection:?}");
        }
    }
    what_is_signed_is_believed(body, now, &secrets);
});

fn what_is_signed_is_believed(body: &[u8], now: i64, secrets: &[Secret]) {
    let now = now.saturating_abs();
    let header = format!("t={now},v1={}", sign(body, SECRETS[1], &now.to_string()));
    let verified = verify(body, Some(&header), secrets, now, 0).expect("it was signed now");
    assert_eq!((verified.secret_name.as_str(), verified.timestamp), ("second", now));
    let changed = [body, b"x"].concat();
    assert_eq!(verify(&changed, Some(&header), secrets, now, 0).map_err(|no| no.check), Err(Check::SignatureMismatch));
    assert_eq!(
        verify(body, Some(&header), &secrets[..1], now, 0).map_err(|no| no.check),
        Err(Check::SignatureMismatch)
    );
    assert_eq!(verify(body, Some(&header), &[], now, 0).map_err(|no| no.check), Err(Check::NoSecret));
}

fn secret_is_masked(spec: &str) {
    match Secret::parse(spec, 3) {
        Ok(secret) => {
            let value = spec.strip_prefix(&format!("{}=", secret.name)).unwrap_or(spec);
            let last4 = spec.get(spec.len() - 4..).expect("a secret is plain text");
            assert_eq!(format!("{secret:?}"), format!("Secret({}, whsec_…{last4})", secret.name));
            assert!(!secret.name.contains("whsec_") && value.len() >= "whsec_".len() + 4, "{spec}");
        }
        Err(SecretError { name, fault }) => {
            assert!(fault != SecretFault::Empty || !spec.contains("=whsec_"), "{spec}");
            assert!(!name.contains("whsec_") && !fault.to_string().is_empty(), "{name}");
        }
    }
}

fn parsed(spec: &str) -> Secret {
    Secret::parse(spec, 1).expect("it is a signing secret")
}

/// The signature by Stripe's description, in hexadecimal digits.
fn sign(body: &[u8], secret: &str, time: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length will do");
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}
