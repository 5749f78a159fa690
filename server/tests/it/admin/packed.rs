//! Pages go over the line compressed, and the one secret that stands in all of them has no length to tell.

use domain::role::Role;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, VARY};

use super::browser::Program;

#[tokio::test]
async fn pages_are_compressed_for_who_can_read_that() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Viewer).await;
    let url = format!("{}/admin/customers", browser.base);
    let plain = browser.get("/admin/customers").await;
    assert!(plain.headers.get(CONTENT_ENCODING).is_none());
    for coding in ["br", "gzip"] {
        let packed = browser.client.get(&url).header(ACCEPT_ENCODING, coding).send().await.unwrap();
        assert_eq!(packed.headers()[CONTENT_ENCODING], coding);
        assert!(packed.headers()[VARY].to_str().unwrap().contains("accept-encoding"));
        let length = packed.bytes().await.unwrap().len();
        assert!(length * 2 < plain.body.len(), "{coding}: {length} of {}", plain.body.len());
    }
    // What a script asks for before anybody signed in is answered by a line of text.
    let nobody = program.browser();
    let asked = nobody.client.get(format!("{}/admin/palette", nobody.base)).header(ACCEPT_ENCODING, "br");
    let refused = asked.send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 401);
    assert!(refused.headers().get(CONTENT_ENCODING).is_none());
}

#[tokio::test]
async fn no_two_pages_carry_the_same_token_and_each_is_good() {
    let program = Program::with_owner().await;
    let browser = program.signed_in(Role::Viewer).await;
    let (one, other) = (browser.csrf().await, browser.csrf().await);
    assert_ne!(one, other);
    for token in [one, other] {
        let answer = browser.post_raw("/admin/mode", &[("csrf", &token), ("mode", "test")], &[]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
    }
}
