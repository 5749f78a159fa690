//! What every route has in common: routes, methods, bodies, the document, the operator's pages.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::app;
use crate::helpers::TestApp;

#[tokio::test]
async fn unknown_routes_and_wrong_methods_are_refused_in_the_one_shape() {
    let (app, key) = app().await;
    for path in ["/v1", "/v1/", "/v1/nonsense", "/v1/users/u/nonsense", "/v1/access/"] {
        app.get(&key, path).await.refused(404, "route_unknown", None);
    }
    app.get(&key, "/nonsense").await.refused(404, "route_unknown", None);
    for (method, path) in [(Method::POST, "/v1/access"), (Method::GET, "/v1/sync"), (Method::PATCH, "/v1/features/pro")]
    {
        let reply = app.call(method, &key, path, Value::Null).await;
        reply.refused(405, "method_not_allowed", None);
        assert!(reply.headers.contains_key("allow"), "{path}");
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read_say_where() {
    let (app, key) = app().await;
    let post = async |kind: &str, body: String| {
        let request = app.http.post(format!("{}/v1/access/batch", app.url)).bearer_auth(&key);
        app.send(request.header("content-type", kind).body(body)).await
    };
    let reply = post("application/json", "{\"checks\": [}".into()).await;
    assert!(reply.refused(400, "body_not_json", None).contains("line 1 column 13"), "{reply:?}");
    post("application/json", String::new()).await.refused(400, "body_not_json", None);
    post("application/json", "{\"checks\": []} tail".into()).await.refused(400, "body_not_json", None);
    post("application/json; charset=utf-8", "{}".into()).await.refused(400, "parameter_missing", Some("checks"));
    post("application/json", " []".into()).await.refused(400, "body_not_object", None);
    post("application/json", "3".into()).await.refused(400, "parameter_invalid", None);
    post("text/plain", "{\"checks\": []}".into()).await.refused(400, "body_not_json", None);
    post("application/json", format!("{{\"checks\": {}", "[".repeat(10_000))).await.refused(
        400,
        "parameter_invalid",
        Some("checks[0][0]"),
    );
    post("application/json", format!("{{\"checks\": \"{}\"}}", "x".repeat(300_000))).await.refused(
        413,
        "body_too_large",
        None,
    );
    app.get(&key, "/v1/access?user_id=u&feature=pro").await.ok();
}

#[tokio::test]
async fn the_document_lists_every_route_and_the_page_shows_it() {
    let app = TestApp::start().await;
    let document = app.send(app.http.get(format!("{}/openapi.json", app.url))).await.ok();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "Tollkeeper");
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths.len(), 20, "{paths:?}");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("200"), "{method} {path}");
            for status in ["401", "403", "429"] {
                let refusal = &responses[status];
                let schema = &refusal["content"]["application/json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/ErrorOut", "{method} {path} {status}: {refusal}");
            }
            assert!(
                responses["429"]["headers"]["Retry-After"].is_object()
                    && responses["200"]["headers"]["RateLimit"].is_object()
            );
            let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
            let url = format!("{}{}", app.url, path.replace(['{', '}'], ""));
            let reply = app.send(app.http.request(method.clone(), url)).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{method} {path} is documented and not there");
        }
    }
    assert!(document["components"]["schemas"]["ErrorOut"].is_object());
    assert_eq!(document["components"]["securitySchemes"]["api_key"]["scheme"], "bearer");

    let page = app.send(app.http.get(format!("{}/docs/", app.url))).await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'self'") && !policy.contains("unsafe-eval"), "{policy}");
    assert_eq!(app.send(app.http.get(format!("{}/docs/swagger-ui-bundle.js", app.url))).await.status, StatusCode::OK);
}

#[tokio::test]
async fn operators_see_health_and_figures() {
    let (app, key) = app().await;
    let get = async |path: &str| app.send(app.http.get(format!("{}{path}", app.url))).await;
    assert_eq!(get("/healthz").await.ok(), json!({ "status": "ok" }));
    assert_eq!(get("/readyz").await.ok(), json!({ "status": "ok" }));
    app.get(&key, "/v1/access?user_id=u&feature=pro").await.ok();
    app.subscriber("cus_ada", "price_pro", None).await;
    let reply = get("/metrics").await;
    assert!(reply.headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    let Value::String(text) = reply.body else { panic!("{:?}", reply.body) };
    for line in [
        "tollkeeper_access_checks_total{allowed=\"false\"} ",
        "tollkeeper_webhook_deliveries_total{outcome=\"accepted\"} ",
        "tollkeeper_events{mode=\"test\",status=\"unattributed\"} ",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let root = get("/").await;
    assert_eq!((root.status, &root.headers["location"]), (StatusCode::SEE_OTHER, &"/admin".parse().unwrap()));
}

#[tokio::test]
async fn figures_can_have_an_address_of_their_own() {
    let app = TestApp::with(&[("METRICS_LISTEN", "127.0.0.1:1")]).await;
    let reply = app.send(app.http.get(format!("{}/metrics", app.url))).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
}
