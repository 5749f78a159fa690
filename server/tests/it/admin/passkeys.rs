//! Passkeys: added, enough alone, second after the password, removed, and all that must not get past them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use domain::role::Role;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use reqwest::StatusCode;
use serde_json::{Value, json};
use server::auth::passkey;
use sha2::{Digest as _, Sha256};
use store::records::{AuditFilter, StaffRecord};

use super::browser::{Answer, Browser, PASSWORD, Program};

const OWNER: &str = "owner@example.com";
const SECURITY: &str = "/admin/account/security";
const NEW: &str = "/admin/account/passkeys/new";
const LOGIN: &str = "/admin/login/passkey";
/// Somebody is there, and it was made sure who.
const VERIFIED: u8 = 0x05;
/// Somebody is there.
const PRESENT: u8 = 0x01;

/// An authenticator with one passkey, as the specification describes its bytes.
struct Authenticator {
    key: SigningKey,
    id: [u8; 32],
    origin: String,
    user: String,
    flags: u8,
    count: u32,
}

impl Authenticator {
    fn new(program: &Program, seed: u8) -> Self {
        let key = SigningKey::from_slice(&[seed; 32]).unwrap();
        let origin = program.state.config.public_url.clone();
        Self { key, id: [seed; 32], origin, user: String::new(), flags: VERIFIED, count: 0 }
    }

    fn client_data(&self, kind: &str, challenge: &str) -> Vec<u8> {
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false }).to_string().into()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        [Sha256::digest("localhost").as_slice(), &[flags], &self.count.to_be_bytes()].concat()
    }

    /// The answer to the options of a new passkey.
    fn make(&mut self, options: &Value) -> String {
        self.user = options["user"]["id"].as_str().unwrap().to_owned();
        let point = self.key.verifying_key().to_encoded_point(false);
        let cose = [
            &[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32],
            point.x().unwrap().as_slice(),
            &[0x22, 0x58, 32],
            point.y().unwrap(),
        ]
        .concat();
        let data = [self.data(self.flags | 0x40).as_slice(), &[0; 16], &[0, 32], &self.id, &cose].concat();
        let length = u8::try_from(data.len()).unwrap();
        let object = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".as_slice(), &[length], &data].concat();
        let client = self.client_data("webauthn.create", options["challenge"].as_str().unwrap());
        let response = json!({ "clientDataJSON": BASE64.encode(client), "attestationObject": BASE64.encode(object), "transports": ["internal"] });
        self.answer(&response)
    }

    /// The answer to a challenge.
    fn sign(&mut self, challenge: &str) -> String {
        let (client, data) = (self.client_data("webauthn.get", challenge), self.data(self.flags));
        let signature: Signature = self.key.sign(&[data.as_slice(), Sha256::digest(&client).as_slice()].concat());
        let response = json!({
            "clientDataJSON": BASE64.encode(client), "authenticatorData": BASE64.encode(data),
            "signature": BASE64.encode(signature.to_der().as_bytes()), "userHandle": self.user,
        });
        self.answer(&response)
    }

    fn answer(&self, response: &Value) -> String {
        let id = BASE64.encode(self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {} })
            .to_string()
    }
}

/// The options on the page that makes a new passkey.
fn options_of(page: &Answer) -> Value {
    let text = page.body.replace("&quot;", "\"").replace("\\\"", "\"");
    let start = text.find("\"options\":\"").unwrap_or_else(|| panic!("no options in {text}")) + "\"options\":\"".len();
    serde_json::Deserializer::from_str(&text[start..]).into_iter().next().unwrap().unwrap()
}

async fn begin(browser: &Browser) -> Value {
    let began = browser.post("/admin/account/passkeys", &[("passkey_name", "Phone"), ("add_password", PASSWORD)]).await;
    assert_eq!((began.status, began.location.as_str()), (StatusCode::SEE_OTHER, NEW), "{}", began.body);
    options_of(&browser.get(NEW).await)
}

async fn add(browser: &Browser, authenticator: &mut Authenticator) -> Answer {
    let options = begin(browser).await;
    browser.post(NEW, &[("passkey", &authenticator.make(&options))]).await
}

/// What this browser is asked to sign.
async fn challenge(browser: &Browser) -> String {
    let answer = browser.post("/admin/login/passkey/options", &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let options: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&options["userVerification"], &options["rpId"]), (&json!("required"), &json!("localhost")));
    options["challenge"].as_str().unwrap().to_owned()
}

async fn sign_in(browser: &Browser, authenticator: &mut Authenticator) -> Answer {
    let challenge = challenge(browser).await;
    browser.post(LOGIN, &[("passkey", &authenticator.sign(&challenge)), ("return_to", "/admin/events")]).await
}

fn assert_in(answer: &Answer) {
    assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, "/admin/events"), "{}", answer.body);
}

fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
    assert!(answer.body.contains("No account here has this passkey"), "{}", answer.body);
}

async fn noted(program: &Program, action: &str) -> usize {
    let filter = AuditFilter { action: Some(action.to_owned()), limit: 50, ..AuditFilter::default() };
    program.state.store.audit(&filter).await.unwrap().data.len()
}

/// An owner with a passkey.
async fn owner() -> (Program, Browser, Authenticator) {
    let program = Program::with_owner_at("localhost").await;
    let browser = program.signed_in(Role::Owner).await;
    let mut authenticator = Authenticator::new(&program, 7);
    let added = add(&browser, &mut authenticator).await;
    assert_eq!(added.status, StatusCode::OK, "{}", added.body);
    assert_eq!(added.body.matches("<li class=\"mono\">").count(), 10, "recovery codes come with the first factor");
    (program, browser, authenticator)
}

#[tokio::test]
async fn a_passkey_is_added_and_is_enough_alone() {
    let (program, browser, mut authenticator) = owner().await;
    let page = browser.get(SECURITY).await;
    assert!(page.body.contains("Phone") && page.body.contains("10 recovery codes left"), "{}", page.body);
    assert!(browser.get("/admin/staff").await.body.contains("2FA"));
    assert_eq!(noted(&program, "staff.passkey_added").await, 1);
    assert_eq!(browser.get(NEW).await.location, SECURITY, "what was asked is answered");
    let stranger = program.browser();
    assert_in(&sign_in(&stranger, &mut authenticator).await);
    assert_eq!(stranger.get("/admin").await.status, StatusCode::OK);
    let used = program.state.store.passkeys_of(&staff(&program).await.staff_id).await.unwrap().remove(0);
    assert_eq!(used.last_used_at, Some(program.now()));
}

async fn staff(program: &Program) -> StaffRecord {
    program.state.store.staff_by_email(OWNER).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_second_passkey_brings_no_codes_and_the_same_one_is_not_added_twice() {
    let (program, browser, mut authenticator) = owner().await;
    let options = begin(&browser).await;
    assert_eq!(options["excludeCredentials"][0]["id"], json!(BASE64.encode(authenticator.id)));
    let again = browser.post(NEW, &[("passkey", &authenticator.make(&options))]).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    let mut other = Authenticator::new(&program, 8);
    assert_eq!(add(&browser, &mut other).await.location, SECURITY);
    let keys = program.state.store.passkeys_of(&staff(&program).await.staff_id).await.unwrap();
    assert_eq!(keys.len(), 2);
    assert_in(&sign_in(&program.browser(), &mut other).await);
}

#[tokio::test]
async fn what_is_not_what_was_asked_for_adds_nothing() {
    let program = Program::with_owner_at("localhost").await;
    let browser = program.signed_in(Role::Owner).await;
    let refused =
        browser.post("/admin/account/passkeys", &[("passkey_name", "Phone"), ("add_password", "not mine")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let cases: [fn(&mut Authenticator, &mut Value); 3] = [
        |_, options| options["challenge"] = json!("AAAAAAAAAAAAAAAAAAAAAA"),
        |authenticator, _| authenticator.origin = "http://localhost.evil.example".into(),
        |authenticator, _| authenticator.flags = PRESENT,
    ];
    for (at, twist) in cases.into_iter().enumerate() {
        let mut options = begin(&browser).await;
        let mut authenticator = Authenticator::new(&program, 7);
        twist(&mut authenticator, &mut options);
        let answer = browser.post(NEW, &[("passkey", &authenticator.make(&options))]).await;
        assert_eq!((answer.status, answer.location.as_str()), (StatusCode::SEE_OTHER, SECURITY), "{at}");
        assert!(browser.get(SECURITY).await.body.contains("was not added"), "{at}");
    }
    let options = begin(&browser).await;
    program.clock.advance(passkey::TIME);
    browser.post(NEW, &[("passkey", &Authenticator::new(&program, 7).make(&options))]).await;
    assert!(!program.state.store.has_second_factor(&staff(&program).await.staff_id).await.unwrap());
}

#[tokio::test]
async fn what_was_not_signed_here_and_now_lets_nobody_in() {
    let (program, _, mut authenticator) = owner().await;
    let browser = program.browser();
    let asked = challenge(&browser).await;
    assert_refused(&browser.post(LOGIN, &[("passkey", &authenticator.sign("AAAAAAAAAAAAAAAAAAAAAA"))]).await);
    assert_refused(&browser.post(LOGIN, &[("passkey", &authenticator.sign(&asked))]).await);

    let asked = challenge(&program.browser()).await;
    challenge(&browser).await;
    assert_refused(&browser.post(LOGIN, &[("passkey", &authenticator.sign(&asked))]).await);

    program.clock.advance(60 * 60 * 1000);
    let asked = challenge(&browser).await;
    program.clock.advance(passkey::TIME);
    assert_refused(&browser.post(LOGIN, &[("passkey", &authenticator.sign(&asked))]).await);

    let origin = std::mem::replace(&mut authenticator.origin, "https://evil.example".into());
    assert_refused(&sign_in(&browser, &mut authenticator).await);
    authenticator.origin = origin;
    authenticator.flags = PRESENT;
    assert_refused(&sign_in(&browser, &mut authenticator).await);
    program.clock.advance(60 * 60 * 1000);
    authenticator.flags = VERIFIED;
    let mut unknown = Authenticator::new(&program, 9);
    unknown.user.clone_from(&authenticator.user);
    assert_refused(&sign_in(&browser, &mut unknown).await);
    let key = std::mem::replace(&mut authenticator.key, unknown.key);
    assert_refused(&sign_in(&browser, &mut authenticator).await);
    authenticator.key = key;

    let asked = challenge(&browser).await;
    let signed = authenticator.sign(&asked);
    let fields = [("passkey", signed.as_str()), ("return_to", "/admin/events")];
    assert_in(&browser.post(LOGIN, &fields).await);
    let other = program.browser();
    challenge(&other).await;
    assert_refused(&other.post(LOGIN, &fields).await);
}

#[tokio::test]
async fn a_counter_that_does_not_grow_is_that_of_a_copy() {
    let (program, _, mut authenticator) = owner().await;
    authenticator.count = 5;
    assert_in(&sign_in(&program.browser(), &mut authenticator).await);
    assert_refused(&sign_in(&program.browser(), &mut authenticator).await);
    authenticator.count = 6;
    assert_in(&sign_in(&program.browser(), &mut authenticator).await);
}

#[tokio::test]
async fn after_the_password_only_ones_own_passkey_counts() {
    let (program, _, mut authenticator) = owner().await;
    let viewer = program.signed_in(Role::Viewer).await;
    let mut other = Authenticator::new(&program, 8);
    assert_eq!(add(&viewer, &mut other).await.status, StatusCode::OK);
    let browser = program.browser();
    let fields = [("email", OWNER), ("password", PASSWORD), ("return_to", "/admin/events")];
    assert_eq!(browser.post("/admin/login", &fields).await.location, "/admin/login/code");
    let page = browser.get("/admin/login/code").await;
    assert!(page.body.contains("Use a passkey") && page.body.contains("recovery_code"), "{}", page.body);
    assert!(!page.body.contains("name=\"code\""), "there is no authenticator");
    assert_eq!(browser.get("/admin").await.status, StatusCode::SEE_OTHER);
    let asked = challenge(&browser).await;
    assert_refused(&browser.post(LOGIN, &[("second", "1"), ("passkey", &other.sign(&asked))]).await);
    let asked = challenge(&browser).await;
    assert_in(&browser.post(LOGIN, &[("second", "1"), ("passkey", &authenticator.sign(&asked))]).await);
    assert_eq!(browser.get("/admin").await.status, StatusCode::OK);
}

#[tokio::test]
async fn who_is_disabled_gets_in_no_more() {
    let (program, _, mut authenticator) = owner().await;
    program.add_staff("second@example.com", Role::Owner).await;
    let disabled = StaffRecord { disabled_at: Some(program.now()), ..staff(&program).await };
    program.state.store.update_staff(&disabled, &program.author()).await.unwrap();
    assert_refused(&sign_in(&program.browser(), &mut authenticator).await);
}

#[tokio::test]
async fn a_passkey_is_removed_with_the_password_and_by_an_owner() {
    let (program, browser, mut authenticator) = owner().await;
    let id = program.state.store.passkeys_of(&staff(&program).await.staff_id).await.unwrap().remove(0).passkey_id;
    let path = "/admin/account/passkeys/remove";
    let refused = browser.post(path, &[("passkey_id", &id), ("remove_password", "not mine")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(browser.post(path, &[("passkey_id", &id), ("remove_password", PASSWORD)]).await.location, SECURITY);
    assert_refused(&sign_in(&program.browser(), &mut authenticator).await);
    assert_eq!(noted(&program, "staff.passkey_removed").await, 1);
    assert_eq!(program.state.store.recovery_codes_left(&staff(&program).await.staff_id).await.unwrap(), 0);
    assert!(
        program.browser().post("/admin/login", &[("email", OWNER), ("password", PASSWORD)]).await.location == "/admin"
    );

    let viewer = program.signed_in(Role::Viewer).await;
    let mut other = Authenticator::new(&program, 8);
    add(&viewer, &mut other).await;
    let record = program.state.store.staff_by_email("viewer@example.com").await.unwrap().unwrap();
    browser.post(&format!("/admin/staff/{}/2fa", record.staff_id), &[]).await;
    assert!(program.state.store.passkeys_of(&record.staff_id).await.unwrap().is_empty());
    assert_refused(&sign_in(&program.browser(), &mut other).await);
}

#[tokio::test]
async fn recovery_codes_are_renewed_with_a_passkey_that_was_given_in_the_form() {
    let (program, browser, mut authenticator) = owner().await;
    let asked = challenge(&browser).await;
    let shown = browser.post("/admin/account/2fa/codes", &[("passkey", &authenticator.sign(&asked))]).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    assert_eq!(noted(&program, "staff.recovery_codes").await, 1);
    let again = browser.post("/admin/account/2fa/codes", &[("passkey", &authenticator.sign(&asked))]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "each counts once");
}

#[tokio::test]
async fn at_a_bare_address_there_are_none_and_the_page_says_why() {
    let program = Program::with_owner().await;
    assert!(!program.browser().get("/admin/login").await.body.contains("Sign in with a passkey"));
    assert_eq!(program.browser().post("/admin/login/passkey/options", &[]).await.status, StatusCode::NOT_FOUND);
    let browser = program.signed_in(Role::Owner).await;
    assert!(browser.get(SECURITY).await.body.contains("reached by https"));
    let refused =
        browser.post("/admin/account/passkeys", &[("passkey_name", "Phone"), ("add_password", PASSWORD)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_fresh_proof_is_given_with_a_passkey() {
    let (program, browser, mut authenticator) = owner().await;
    program.clock.advance(server::auth::session::FRESH_FOR);
    let key = [("name", "Shop"), ("scope", "read")];
    let asked = browser.post("/admin/api-keys", &key).await;
    assert!(asked.body.contains("Confirm that it is you") && asked.body.contains("Use a passkey"), "{}", asked.body);
    let user = std::mem::replace(&mut authenticator.user, BASE64.encode([1; 64]));
    let forged = authenticator.sign(&challenge(&browser).await);
    let refused = browser.post("/admin/api-keys", &[key[0], key[1], ("passkey", &forged)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
    assert!(refused.body.contains("none of your passkeys"), "{}", refused.body);
    authenticator.user = user;
    let signed = authenticator.sign(&challenge(&browser).await);
    let done = browser.post("/admin/api-keys", &[key[0], key[1], ("passkey", &signed)]).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    assert!(done.body.contains("tk_test_"), "{}", done.body);
}

#[tokio::test]
async fn who_asks_for_challenges_without_end_is_refused() {
    let program = Program::with_owner_at("localhost").await;
    let browser = program.browser();
    let mut answers = vec![];
    for _ in 0..100 {
        answers.push(browser.post("/admin/login/passkey/options", &[]).await);
    }
    assert!(answers[..60].iter().all(|answer| answer.status == StatusCode::OK));
    let refused = answers.iter().find(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS).unwrap();
    assert!(refused.headers.contains_key("retry-after"));
}
