//! Traces reach a collector, in the trace of whoever called; and nobody when none is named.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use standin::{Options, Standin};

use super::{SECRET, database, delivery, event, stop};
use crate::helpers::process::Process;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A collector: all it was sent, with the names of the services.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, Span)>>>);

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heard = collector.clone();
        let take = async move |headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            for of_service in request.resource_spans {
                let resource = of_service.resource.unwrap().attributes;
                let name = resource.iter().find(|attribute| attribute.key == "service.name").unwrap();
                let name = format!("{:?}", name.value);
                let spans = of_service.scope_spans.into_iter().flat_map(|scope| scope.spans);
                heard.0.lock().unwrap().extend(spans.map(|span| (name.clone(), span)));
            }
        };
        let router = axum::Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (collector, address)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_arrive_in_the_trace_of_the_caller() {
    let (collector, address) = Collector::start().await;
    let stripe = Standin::start(Options::default()).await.unwrap();
    let (_folder, database) = database();
    let base = stripe.base_url();
    let program = Process::start(&[
        ("DATABASE_URL", &database),
        ("STRIPE_WEBHOOK_SECRET", SECRET),
        ("STRIPE_SECRET_KEY", "sk_test_operation"),
        ("STRIPE_API_BASE", &base),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &address),
        // Traces do not depend on what is logged.
        ("LOG", "server=info"),
    ])
    .await;
    let http = reqwest::Client::new();
    let sent = delivery(&http, &program.address, event("evt_1"));
    let sent = sent.header("traceparent", format!("00-{TRACE}-{CALLER}-01")).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    // It took effect: its round is over.
    let metrics = format!("{}/metrics", program.address);
    let is_taken = async || {
        let text = http.get(&metrics).send().await.unwrap().text().await.unwrap();
        // And Stripe has answered something: at the start the list of events is read, and who is to be sent them.
        text.contains("tollkeeper_events_processed_total{status=\"taken\"} 1")
            && text.contains("tollkeeper_stripe_request_duration_seconds_count")
    };
    while !is_taken().await {
        tokio::task::yield_now().await;
    }
    let (code, said) = stop(program).await;
    assert_eq!(code, Some(0), "{said:#?}");
    let spans = collector.0.lock().unwrap().clone();
    assert!(spans.iter().all(|(service, _)| service.contains("tollkeeper")), "{spans:#?}");
    let named = |name: &str| {
        let found = spans.iter().find(|(_, span)| span.name == name);
        &found.unwrap_or_else(|| panic!("{name} is not among {:?}; {said:#?}", names(&spans))).1
    };
    let request = named("POST webhook");
    assert_eq!((hex(&request.trace_id), hex(&request.parent_span_id)), (TRACE.to_owned(), CALLER.to_owned()));
    let intake = named("webhook intake");
    assert_eq!((&intake.trace_id, &intake.parent_span_id), (&request.trace_id, &request.span_id));
    let shown = format!("{:?}", intake.attributes);
    assert!(shown.contains("evt_1"), "{shown}");
    assert!(format!("{:?}", named("processing round").attributes).contains("events"));
    assert!(format!("{:?}", named("stripe request").attributes).contains("what"));
    let everything = format!("{spans:?}");
    assert!(!everything.contains("sk_test_operation") && !everything.contains(SECRET), "no secret is in a trace");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_gone_stops_nothing() {
    let (_folder, database) = database();
    let program = Process::start(&[
        ("DATABASE_URL", &database),
        ("STRIPE_WEBHOOK_SECRET", SECRET),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
    ])
    .await;
    let http = reqwest::Client::new();
    assert_eq!(delivery(&http, &program.address, event("evt_1")).send().await.unwrap().status(), 200);
    let (code, said) = stop(program).await;
    assert_eq!(code, Some(0), "{said:#?}");
    assert_eq!(said.iter().filter(|line| line.contains("traces cannot be sent")).count(), 1, "{said:#?}");
}

fn names(spans: &[(String, Span)]) -> BTreeSet<&str> {
    spans.iter().map(|(_, span)| span.name.as_str()).collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
