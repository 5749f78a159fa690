//! Where the story is played: the program, the stand-in for Stripe, and the clock of both.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, ensure};
use domain::{Livemode, Timestamp};
use gateway::{Client, ClientConfig, Gateway, Limits, Now};
use serde_json::{Value, json};
use standin::{CheckoutSpec, Control, Faults, SubscriptionSpec, Webhook};
use store::records::{Author, CatchUpPage};
use tokio::task::JoinSet;

use super::clock::StoryClock;
use super::people::{self, By, Person};
use crate::checks::Answered;
use crate::state::AppState;
use crate::worker::Worker;

/// The mode the story plays in.
pub(super) const MODE: Livemode = Livemode::Test;
pub(super) const DAY: i64 = 86_400;
pub(super) const HOUR: i64 = 3_600;

/// The program and Stripe, at one moment of the story.
pub(super) struct Stage {
    pub(super) state: AppState,
    pub(super) stripe: Control,
    clock: Arc<StoryClock>,
    /// Reads without waiting between tries: what fails in the story is meant to.
    worker: Worker,
    receiver: Webhook,
    /// The key of the application that asks: `key_…`.
    api_key_id: String,
    /// Where the story ends, Unix seconds.
    present: i64,
    now: i64,
    /// How many of Stripe's events were sent, or lost.
    told: usize,
    broken: Vec<(String, u16)>,
}

impl Stage {
    /// # Errors
    /// When no client for the stand-in can be made.
    pub(super) fn new(
        state: AppState,
        stripe: Control,
        clock: Arc<StoryClock>,
        receiver: Webhook,
        api_key_id: String,
        present: Timestamp,
    ) -> anyhow::Result<Self> {
        let mut gateways: HashMap<Livemode, Arc<dyn Gateway>> = HashMap::new();
        for key in &state.config.stripe_keys {
            let mut config = ClientConfig::new(key.clone());
            config.retry.max_retries = 0;
            // A month is told in seconds, by the story's clock.
            config.limits = Limits { endpoint: 10_000, overall: 10_000 };
            let ours = Arc::clone(&state.clock);
            config.now = Now(Arc::new(move || ours.now()));
            if let Some(base) = &state.config.stripe_api_base {
                config.base_url = base.to_string();
            }
            gateways.insert(
                key.livemode(),
                Arc::new(Client::new(config).context("while making a client for the stand-in")?),
            );
        }
        let worker =
            Worker::new(Arc::clone(&state.store), Arc::new(gateways), Arc::clone(&state.clock), crate::ids::new("wrk"));
        stripe.set_webhook(Some(receiver.clone()));
        let (present, told) = (present.secs(), stripe.events().len());
        let stage =
            Self { state, stripe, clock, worker, receiver, api_key_id, present, now: present, told, broken: vec![] };
        stage.apply_faults(true);
        Ok(stage)
    }

    /// The moment this many seconds before the story's end.
    pub(super) fn go(&mut self, ago: i64) {
        self.now = self.present - ago;
        self.clock.stand_at(Timestamp::from_secs(self.now));
        self.stripe.set_now(self.now);
    }

    /// Now, in Unix seconds.
    pub(super) const fn now(&self) -> i64 {
        self.now
    }

    pub(super) fn author(&self, actor: &str, reason: Option<&str>) -> Author {
        Author::new(actor, Timestamp::from_secs(self.now)).because(reason)
    }

    /// Every request about `part` fails with the status, until [`Stage::mend`].
    pub(super) fn break_reads(&mut self, part: &str, status: u16) {
        self.broken.push((part.to_owned(), status));
        self.apply_faults(true);
    }

    pub(super) fn mend(&mut self, part: &str) {
        self.broken.retain(|(broken, _)| broken != part);
        self.apply_faults(true);
    }

    /// While the story is told its events are sent by [`Stage::tell`] alone, not by the background as well.
    fn apply_faults(&self, telling: bool) {
        self.stripe.set_faults(Faults { fail_paths: self.broken.clone(), lose_webhooks: telling, ..Faults::default() });
    }

    /// What happened in Stripe since the last time never arrives.
    pub(super) fn lose(&mut self) {
        self.told = self.stripe.events().len();
    }

    /// Reads Stripe's list of events for what got lost.
    pub(super) async fn fetch_missing(&self) -> anyhow::Result<()> {
        self.state.catch_up.ask(MODE, None, None).await?;
        self.state.catch_up.run_once().await.context("while fetching what got lost")?;
        self.work().await
    }

    /// What got lost since stays lost: there would be nothing to show otherwise.
    async fn keep_lost(&self) -> anyhow::Result<()> {
        let (store, now) = (&self.state.store, Timestamp::from_secs(self.present));
        store.request_catch_up(MODE, None, None, now).await?;
        if let Some(claim) = store.claim_catch_up(MODE, "demo", now).await? {
            store.take_fetched(&claim, &CatchUpPage { newest: Some(now), ..CatchUpPage::default() }, now).await?;
        }
        Ok(())
    }

    /// The application asks about one user in three: another third each hour.
    pub(super) fn ask(&self) {
        let (store, at) = (&self.state.store, Timestamp::from_secs(self.now));
        let third = usize::try_from(self.now / HOUR).unwrap_or(0) % 3;
        for user_id in people::users().skip(third).step_by(3) {
            for feature in ["pro", "projects"] {
                let decision = store.index().decide(MODE, &user_id, feature, &store.options().policy, at);
                self.state.checks.note(&Answered {
                    livemode: MODE,
                    user_id: &user_id,
                    feature,
                    api_key_id: &self.api_key_id,
                    allowed: decision.allowed,
                    reason: decision.reason,
                    at,
                });
            }
        }
    }

    /// Sends what happened in Stripe, all at once, and does what follows from it.
    pub(super) async fn tell(&mut self) -> anyhow::Result<()> {
        let mut news = self.stripe.events();
        let news = news.split_off(self.told.min(news.len()));
        self.told += news.len();
        self.send(news).await?;
        self.work().await
    }

    /// Delivers events; all have to be taken.
    pub(super) async fn send(&self, events: Vec<Value>) -> anyhow::Result<()> {
        let mut deliveries = JoinSet::new();
        for event in events {
            let stripe = self.stripe.clone();
            deliveries.spawn(async move { stripe.deliver(&event).await });
        }
        while let Some(delivered) = deliveries.join_next().await {
            let result = delivered?;
            ensure!(
                result.accepted(),
                "the delivery of {} was answered with {:?}: {}",
                result.event,
                result.status,
                result.body
            );
        }
        Ok(())
    }

    /// Delivers an event signed with a secret that the program does not have.
    pub(super) async fn send_forged(&self, event: &Value) -> anyhow::Result<()> {
        let stranger =
            Webhook { secret: "whsec_ofAnEndpointThatWasRemovedLastYear".to_owned(), ..self.receiver.clone() };
        self.stripe.set_webhook(Some(stranger));
        let result = self.stripe.deliver(event).await;
        self.stripe.set_webhook(Some(self.receiver.clone()));
        ensure!(result.status == Some(400), "a wrong signature was answered with {:?}: {}", result.status, result.body);
        Ok(())
    }

    /// Does what is due.
    pub(super) async fn work(&self) -> anyhow::Result<()> {
        self.worker.run_once().await.context("while processing the story's events")
    }

    /// The present begins: both clocks run, the background delivers.
    pub(super) async fn end(mut self) -> anyhow::Result<()> {
        self.lose();
        self.keep_lost().await?;
        self.state.checks.settle().await?;
        self.clock.run();
        self.stripe.use_real_clock();
        self.stripe.discard_queue();
        self.apply_faults(false);
        self.work().await
    }

    /// A customer appears in Stripe.
    pub(super) fn customer(&self, person: &Person) {
        let metadata = if person.by == By::Customer { json!({ "user_id": person.user }) } else { json!({}) };
        self.stripe.create_customer(Some(&person.customer()), Some(&person.email), Some(&person.name), metadata);
    }

    /// Their subscription, active unless `spec` says otherwise.
    pub(super) fn subscription(&self, person: &Person, spec: SubscriptionSpec) {
        let metadata = if person.by == By::Subscription { json!({ "user_id": person.user }) } else { json!({}) };
        let prices = if spec.prices.is_empty() { vec![(person.plan.to_owned(), 1)] } else { spec.prices };
        let (id, customer) = (Some(person.subscription()), person.customer());
        self.stripe.subscribe(SubscriptionSpec { id, customer, prices, metadata, ..spec });
    }

    /// Their Checkout Session for it; `spec` says in which state.
    pub(super) fn session(&self, person: &Person, spec: CheckoutSpec) {
        let reference = (person.by == By::Reference).then(|| person.user.clone());
        self.stripe.checkout(CheckoutSpec {
            id: Some(person.session()),
            mode: "subscription".to_owned(),
            customer: Some(person.customer()),
            client_reference_id: reference,
            prices: vec![(person.plan.to_owned(), 1)],
            ..spec
        });
    }

    /// They go through Checkout and pay.
    pub(super) fn join(&self, person: &Person, spec: SubscriptionSpec) {
        self.customer(person);
        self.subscription(person, spec);
        self.session(person, CheckoutSpec { subscription: Some(person.subscription()), ..CheckoutSpec::default() });
    }
}
