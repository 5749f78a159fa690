//! What the settings mean; how wrong ones are refused is shown by the command line's tests.

use domain::access::{CollectionPause, PauseCollection, Treatment};

use super::*;
use domain::access::{DisputePolicy, FailedDebitPolicy, PaymentPolicy, RefundPolicy};

fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(&Sources::from_env(pairs.iter().copied()))
}

#[test]
fn nothing_need_be_set() {
    let config = load(&[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:3000");
    assert_eq!(config.public_url, "http://127.0.0.1:3000");
    assert!(config.stripe_keys.is_empty() && config.webhook_secrets.is_empty() && config.first_owner.is_none());
    assert_eq!(config.webhook_tolerance, Duration::from_secs(300));
    let options = config.store_options();
    assert_eq!((options.policy, options.metadata_keys), (Policy::default(), store::Options::default().metadata_keys));
}

#[test]
fn an_empty_value_is_no_value() {
    let config = load(&[("LISTEN", ""), ("STRIPE_SECRET_KEY", ""), ("ADMIN_EMAIL", "")]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:3000");
}

#[test]
fn one_listens_at_an_address_or_at_a_path() {
    let listen = |text: &str| load(&[("LISTEN", text)]).map(|config| (config.listen, config.public_url));
    let address = |text: &str| Listen::Tcp(text.parse().unwrap());
    assert_eq!(listen("[::]:80").unwrap(), (address("[::]:80"), "http://[::]:80".into()));
    assert_eq!(listen("localhost:80").unwrap().0, address("127.0.0.1:80"));
    let path = "unix:/run/tollkeeper/tollkeeper.sock";
    let (socket, url) = listen(path).unwrap();
    assert_eq!((socket.to_string().as_str(), url.as_str()), (path, "http://localhost"));
    assert_eq!(load(&[("METRICS_LISTEN", path)]).unwrap().metrics_listen, Some(socket));
    let long = format!("unix:/{}", "x".repeat(107));
    for text in ["unix:", long.as_str(), "3000", "example.com:3000", "localhost:port", "/run/t.sock"] {
        let refused = listen(text).unwrap_err();
        assert_eq!((refused.name, refused.expected.contains("unix:")), ("LISTEN", true), "{text}");
    }
}

#[test]
fn it_may_go_on_for_a_while_after_the_word_to_stop() {
    let delay = |text: &str| load(&[("SHUTDOWN_DELAY", text)]).map(|config| config.shutdown_delay);
    assert_eq!(delay("").unwrap(), Duration::ZERO);
    assert_eq!(delay("10s").unwrap(), Duration::from_secs(10));
    for text in ["6m", "10", "-1s"] {
        assert_eq!(delay(text).unwrap_err().name, "SHUTDOWN_DELAY", "{text}");
    }
}

#[test]
fn a_collector_is_named_without_its_path() {
    let endpoint = |text: &str| load(&[("OTEL_EXPORTER_OTLP_ENDPOINT", text)]).map(|config| config.otlp_endpoint);
    assert_eq!(endpoint("").unwrap(), None);
    assert_eq!(endpoint("http://127.0.0.1:4318/").unwrap().unwrap().as_str(), "http://127.0.0.1:4318/");
    for text in ["127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces", "https://me:secret@example.com"] {
        let refused = endpoint(text).unwrap_err().to_string();
        assert!(refused.starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: ") && !refused.contains("secret"), "{refused}");
    }
}

#[test]
fn a_public_url_may_have_a_path_that_is_none_of_ours() {
    for text in ["https://example.com/tools/billing", "https://example.com/tools/billing/"] {
        let config = load(&[("PUBLIC_URL", text)]).unwrap();
        assert_eq!(config.public_url, "https://example.com/tools/billing");
        assert_eq!(config.base_path.put_on("/admin"), "/tools/billing/admin");
        assert_eq!(config.webhook_url(), "https://example.com/tools/billing/webhooks/stripe");
    }
    assert!(load(&[("PUBLIC_URL", "https://example.com/")]).unwrap().base_path.is_empty());
    for (text, fault) in [
        ("https://example.com/a%20b", "other characters"),
        ("https://example.com/a//b", "other characters"),
        ("https://example.com/caf\u{e9}", "other characters"),
        ("https://example.com/a;b", "other characters"),
        ("https://example.com/admin", "begins with /admin"),
        ("https://example.com/v1/tolls", "begins with /v1"),
    ] {
        let refused = load(&[("PUBLIC_URL", text)]).unwrap_err().to_string();
        assert!(refused.starts_with("PUBLIC_URL: ") && refused.contains(fault), "{refused}");
    }
}

#[test]
fn rates_of_stripe_are_set_one_by_one() {
    let rates = |text: &str| load(&[("STRIPE_RATES", text)]).map(|config| config.stripe_rates);
    assert_eq!(rates("").unwrap(), StripeRates { live: 100, test: 25, endpoint: 25 });
    assert_eq!(rates("live=500, endpoint=50").unwrap(), StripeRates { live: 500, test: 25, endpoint: 50 });
    assert_eq!(rates("test=9").unwrap().of(Livemode::Test), Limits { endpoint: 25, overall: 9 });
    for text in ["live", "live=0", "live=-1", "live=10001", "all=5", "25"] {
        assert_eq!(rates(text).unwrap_err().name, "STRIPE_RATES", "{text}");
    }
    assert_eq!(load(&[("STRIPE_DAILY_READS", "0")]).unwrap().stripe_daily_reads, 0);
    assert_eq!(load(&[("STRIPE_DAILY_READS", "many")]).unwrap_err().name, "STRIPE_DAILY_READS");
}

#[test]
fn lengths_of_time_have_units() {
    for (text, secs) in [("7d", 604_800), ("12h", 43_200), ("30m", 1_800), ("300s", 300), ("0d", 0)] {
        let config = load(&[("PAST_DUE_GRACE", text)]).unwrap();
        assert_eq!(config.policy.past_due_grace, secs * 1000, "{text}");
    }
    for text in ["7", "d", "7 d", "1w", "99999d", "999999999999999999999s", "7dd", "é"] {
        assert_eq!(load(&[("PAST_DUE_GRACE", text)]).unwrap_err().name, "PAST_DUE_GRACE", "{text}");
    }
}

#[test]
fn a_length_of_time_is_written_as_it_is_read() {
    for text in ["7d", "36h", "90m", "301s", "0s"] {
        let millis = i64::try_from(super::parse_duration(text).unwrap().as_millis()).unwrap();
        assert_eq!(super::duration_text(millis), text);
    }
}

#[test]
fn policies_have_words() {
    let config = load(&[
        ("TRIAL_POLICY", "deny"),
        ("PAUSED_POLICY", "allow"),
        ("PAUSE_COLLECTION_POLICY", "keep_as_draft=deny, void=keep"),
    ])
    .unwrap();
    assert_eq!((config.policy.trialing, config.policy.paused), (Treatment::Deny, Treatment::Allow));
    let expected = PauseCollection {
        keep_as_draft: CollectionPause::Deny,
        mark_uncollectible: CollectionPause::Keep,
        void: CollectionPause::Keep,
    };
    assert_eq!(config.policy.pause_collection, expected);
    let config =
        load(&[("REFUND_POLICY", "any"), ("DISPUTE_POLICY", "suspend"), ("FAILED_DEBIT_POLICY", "revoke")]).unwrap();
    let expected = PaymentPolicy {
        refund: RefundPolicy::Any,
        dispute: DisputePolicy::Suspend,
        failed_debit: FailedDebitPolicy::Revoke,
    };
    assert_eq!(config.policy.payments, expected);
    assert_eq!(load(&[]).unwrap().policy.payments, PaymentPolicy::default());
    for (name, text) in [
        ("REFUND_POLICY", "partial"),
        ("DISPUTE_POLICY", "revoke"),
        ("FAILED_DEBIT_POLICY", "Keep"),
        ("TRIAL_POLICY", "yes"),
        ("PAUSED_POLICY", "ALLOW"),
        ("PAUSE_COLLECTION_POLICY", "void"),
        ("PAUSE_COLLECTION_POLICY", "void=maybe"),
        ("PAUSE_COLLECTION_POLICY", "voids=keep"),
    ] {
        assert_eq!(load(&[(name, text)]).unwrap_err().name, name, "{text}");
    }
}

#[test]
fn keys_and_secrets_are_lists_and_never_shown() {
    let config = load(&[
        ("STRIPE_SECRET_KEY", "sk_test_51abcd4242, rk_live_51efgh1881"),
        ("STRIPE_WEBHOOK_SECRET", "dashboard=whsec_ijkl0001,whsec_mnop0002"),
        ("DATABASE_URL", "postgres://me:opensesame@db.example.com/toll?password=opensesame"),
        ("ADMIN_EMAIL", "Ada@Example.com"),
        ("ADMIN_PASSWORD", "four words in a row"),
        ("PUBLIC_URL", "https://toll.example.com/"),
    ])
    .unwrap();
    assert_eq!(config.modes(), [Livemode::Test, Livemode::Live]);
    let names: Vec<&str> = config.webhook_secrets.iter().map(|secret| secret.name.as_str()).collect();
    assert_eq!(names, ["dashboard", "secret 2"]);
    assert_eq!(config.public_url, "https://toll.example.com");
    assert!(config.is_secure());
    assert_eq!(config.first_owner.as_ref().unwrap().email, "ada@example.com");
    let shown = format!("{config:?}");
    for secret in ["51abcd", "51efgh", "ijkl", "mnop", "opensesame", "four words"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn every_setting_can_be_shown() {
    let sources = Sources::from_env([]);
    let shown = Config::load(&sources).unwrap().effective(&sources).unwrap();
    assert_eq!(shown.len(), SETTINGS.len());
    assert!(shown.iter().all(|row| row.source == Source::Default));
}

#[test]
fn what_is_kept_for_a_time_is_kept_long_enough() {
    let kept = |pairs: &[(&str, &str)]| load(pairs).map(|config| (config.kept.payloads_ms, config.kept.rejected_ms));
    let day = 86_400_000;
    assert_eq!(kept(&[]).unwrap(), (Some(90 * day), Some(90 * day)));
    assert_eq!(
        kept(&[("PAYLOAD_RETENTION", "30d"), ("REJECTED_RETENTION", "1d")]).unwrap(),
        (Some(30 * day), Some(day))
    );
    assert_eq!(kept(&[("PAYLOAD_RETENTION", "off"), ("REJECTED_RETENTION", "0")]).unwrap(), (None, None));
    for (name, value) in [("PAYLOAD_RETENTION", "29d"), ("REJECTED_RETENTION", "23h"), ("PAYLOAD_RETENTION", "always")]
    {
        assert_eq!(load(&[(name, value)]).unwrap_err().name, name);
    }
}
