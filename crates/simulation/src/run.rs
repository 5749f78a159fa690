//! Many histories on one real store, with a clock that only this file moves.
//!
//! Each call of the store is a step. Between any two of them the process may be killed: a call is dropped half-way, what follows it does
//! not happen, or the store is opened again from its file. All dice depend on a history's seed or on the time alone, so that a history
//! runs the same way by itself as among others (nearly: rounds are shared, and a round takes a limited number of events).

use std::collections::{BTreeMap, HashMap};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use domain::access::OverrideEffect;
use domain::mapping::MappingSource;
use domain::{Livemode, Timestamp};
use fastrand::Rng;
use store::records::{Author, Delivery, NewOverride, ReadClaim};
use store::{Result, Store};

use crate::Mode;
use crate::catalog::{MONEY, Money};
use crate::delivery::{Arrival, Plan};
use crate::history::{History, dice};
use crate::installation::{furnish, options};
use crate::snapshot;
use crate::stripe::START;

/// The mode of Stripe's data, everywhere in the simulation.
pub const LIVEMODE: Livemode = Livemode::Test;
/// Beyond this many rounds without anything from outside, the store is said never to come to rest.
const RESTLESS: usize = 20_000;

/// A history on its way through the store.
#[derive(Debug)]
pub struct Running {
    /// What happens at Stripe.
    pub history: History,
    /// How it reaches us.
    pub plan: Plan,
    /// What reached us when, for the trace.
    pub log: Vec<(i64, Note)>,
    /// Ids of the overrides made so far.
    overrides: HashMap<usize, String>,
    fates: Rng,
}

/// Something that reached us.
#[derive(Clone, Debug)]
pub enum Note {
    /// An event or a word of the application.
    Arrived(Arrival),
    /// The answer to a read of this customer that began at this time, from three calls at these times.
    Read { customer: usize, began: i64, calls: [i64; 5], outcome: &'static str },
}

/// What is to happen at a time.
enum Action {
    Arrive(usize, Arrival),
    Answer(Reading),
    /// The worker looks whether anything is due.
    Tick,
}

/// A read that is under way.
struct Reading {
    claim: ReadClaim,
    of: (usize, usize),
    began: i64,
    calls: [i64; 5],
    fails: bool,
}

/// The store and all that comes at it.
pub struct World {
    /// The store under test.
    pub store: Arc<dyn Store>,
    /// The histories.
    pub running: Vec<Running>,
    /// What this installation does about money that does not stay.
    pub money: Money,
    mode: Mode,
    weather: u64,
    /// How far our clock is ahead of Stripe's, in milliseconds.
    skew: i64,
    url: String,
    customers: HashMap<String, (usize, usize)>,
    agenda: BTreeMap<i64, Vec<Action>>,
    now: i64,
    _folder: tempfile::TempDir,
}

impl World {
    /// Runs the histories of these seeds, each cut after `moments`, until all is quiet.
    ///
    /// # Errors
    /// When the store fails, or never comes to rest.
    pub async fn run(mode: Mode, seeds: &[u64], weather: u64, moments: usize) -> Result<Self> {
        let mut world = Self::open(mode, weather).await?;
        for (n, seed) in seeds.iter().enumerate() {
            world.add(n, History::new(*seed, mode.scope(), moments));
        }
        while let Some((at, actions)) = world.agenda.pop_first() {
            world.now = at;
            world.round(actions, false).await?;
        }
        world.come_to_rest().await?;
        if mode == Mode::WithKey {
            world.reconcile().await?;
        }
        Ok(world)
    }

    async fn open(mode: Mode, weather: u64) -> Result<Self> {
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.map_err(|error| store::Error::Unavailable(Box::new(error)))?;
        let url = format!("sqlite://{}", folder.path().join("simulation.db").display());
        let money = MONEY[usize::try_from(weather).unwrap_or(0) % MONEY.len()];
        let store = store::open(&url, options(mode, money)).await?;
        furnish(store.as_ref()).await?;
        Ok(Self {
            store,
            running: vec![],
            mode,
            money,
            weather,
            skew: dice(weather, 4).i64(-900..900),
            url,
            customers: HashMap::new(),
            agenda: BTreeMap::new(),
            now: START,
            _folder: folder,
        })
    }

    fn add(&mut self, n: usize, history: History) {
        let plan = Plan::new(&history, self.mode == Mode::WithKey);
        for (c, versions) in history.versions.iter().enumerate() {
            self.customers.insert(versions[0].1.id.clone(), (n, c));
        }
        for (at, arrival) in &plan.arrivals {
            self.plan(*at, Action::Arrive(n, *arrival));
            // Reads that were put off are looked for when most histories do so.
            let hour = at.div_euclid(3_600_000) * 3_600_000;
            for later in [12_000, 70_000] {
                self.agenda.entry(hour + later).or_insert_with(|| vec![Action::Tick]);
            }
        }
        // Whoever reads when all is over reads what was true in the end.
        self.plan(history.end + 60_000, Action::Tick);
        let fates = dice(history.seed, 5);
        self.running.push(Running { history, plan, log: vec![], overrides: HashMap::new(), fates });
    }

    fn plan(&mut self, at: i64, action: Action) {
        self.agenda.entry(at).or_default().push(action);
    }

    /// A time of Stripe's as our clock shows it.
    fn ours(&self, at: i64) -> Timestamp {
        Timestamp::from_millis(at + self.skew)
    }

    /// All that happens at one time. A `calm` round has no accidents.
    async fn round(&mut self, actions: Vec<Action>, calm: bool) -> Result<()> {
        let mut weather = dice(self.weather, u64::try_from(self.now).unwrap_or(0));
        let mut chance = |percent: u32| !calm && weather.u32(..100) < percent;
        let (reopen, kill_intake, kill_round, idle, no_reads) =
            (chance(1) && chance(20), chance(3), chance(3), chance(25), chance(20));
        if reopen {
            self.reopen().await?;
        }
        let mut deliveries = vec![];
        let mut others = vec![];
        for action in actions {
            match action {
                Action::Arrive(n, Arrival::Event(event)) => deliveries.push((n, event)),
                other => others.push(other),
            }
        }
        weather.shuffle(&mut deliveries);
        self.deliver(&deliveries, kill_intake.then(|| weather.u32(..12))).await?;
        for action in others {
            match action {
                Action::Arrive(n, Arrival::Link(customer)) => self.link(n, customer).await?,
                Action::Arrive(n, Arrival::Override(by_hand)) => self.make_override(n, by_hand).await?,
                Action::Arrive(n, Arrival::Revoke(by_hand)) => self.revoke_override(n, by_hand).await?,
                Action::Answer(reading) => self.answer(reading).await?,
                Action::Arrive(_, Arrival::Event(_)) | Action::Tick => {}
            }
        }
        if idle {
            return Ok(());
        }
        let now = self.ours(self.now);
        if kill_round {
            kill(self.store.process_due(now, 50), weather.u32(..40)).await.transpose()?;
            // What was committed although nobody waited for it is followed like the commits of other processes.
            self.store.refresh_index().await?;
        }
        let limit = if calm { 200 } else { [3, 25, 200][weather.usize(..3)] };
        let mut rounds = if calm { usize::MAX } else { [1, usize::MAX][weather.usize(..2)] };
        while rounds > 0 && self.store.process_due(now, limit).await?.events > 0 {
            rounds -= 1;
        }
        if self.mode == Mode::WithKey && !no_reads {
            self.begin_reads(calm, ["worker_1", "worker_2"][weather.usize(..2)]).await?;
        }
        Ok(())
    }

    async fn deliver(&mut self, deliveries: &[(usize, usize)], killed_after: Option<u32>) -> Result<()> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let mut batch = vec![];
        for (n, event) in deliveries {
            self.running[*n].log.push((self.now, Note::Arrived(Arrival::Event(*event))));
            let event = &self.running[*n].history.events[*event];
            batch.push(Delivery {
                envelope: event.envelope.clone(),
                payload: event.payload.clone(),
                received_at: self.ours(self.now),
                secret_name: Some("simulation".into()),
            });
        }
        if let Some(polls) = killed_after {
            // Without an answer Stripe sends it again.
            kill(self.store.record_deliveries(&batch), polls).await.transpose()?;
        }
        self.store.record_deliveries(&batch).await?;
        Ok(())
    }

    async fn link(&mut self, n: usize, customer: usize) -> Result<()> {
        self.running[n].log.push((self.now, Note::Arrived(Arrival::Link(customer))));
        let history = &self.running[n].history;
        let (id, user) = (&history.last(customer).id, &history.owners[customer].user);
        let author = Author::new("api_key:key_1", self.ours(self.now));
        self.store.put_mapping(LIVEMODE, id, user, MappingSource::Api, &author).await?;
        Ok(())
    }

    async fn make_override(&mut self, n: usize, by_hand: usize) -> Result<()> {
        self.running[n].log.push((self.now, Note::Arrived(Arrival::Override(by_hand))));
        let made = &self.running[n].history.overrides[by_hand];
        let new = NewOverride {
            livemode: LIVEMODE,
            user_id: made.user.clone(),
            feature: made.feature.to_owned(),
            effect: if made.grants { OverrideEffect::Grant } else { OverrideEffect::Deny },
            value: made.value,
            expires_at: made.expires_at.map(Timestamp::from_secs),
        };
        let author = Author::new("staff:1", self.ours(self.now)).because(Some("asked"));
        let record = self.store.create_override(&new, &author).await?;
        self.running[n].overrides.insert(by_hand, record.override_id);
        Ok(())
    }

    async fn revoke_override(&mut self, n: usize, by_hand: usize) -> Result<()> {
        self.running[n].log.push((self.now, Note::Arrived(Arrival::Revoke(by_hand))));
        let author = Author::new("staff:1", self.ours(self.now));
        if let Some(id) = self.running[n].overrides.get(&by_hand) {
            self.store.revoke_override(LIVEMODE, id, &author).await?;
        }
        Ok(())
    }

    /// Leases what is to be read, and rolls how each read will go.
    async fn begin_reads(&mut self, calm: bool, owner: &str) -> Result<()> {
        let claims = self.store.claim_reads(owner, self.ours(self.now), 1000).await?;
        for claim in claims {
            let of = self.customers[&claim.customer_id];
            let fates = &mut self.running[of.0].fates;
            let (fate, wait, slow) = (fates.u32(..100), fates.usize(..4), fates.usize(..8));
            if !calm && fate < 10 {
                // Killed with the lease in hand.
                continue;
            }
            let began = self.now + if calm { 0 } else { [0, 0, 500, 2000][wait] };
            let answered = began + if calm { 500 } else { [0, 500, 500, 1000, 2500, 5000, 50_000, 90_000][slow] };
            let mut calls = [0; 5].map(|_| fates.i64(began..=answered));
            calls.sort_unstable();
            let fails = !calm && fate < 30;
            self.plan(answered, Action::Answer(Reading { claim, of, began, calls, fails }));
        }
        Ok(())
    }

    async fn answer(&mut self, reading: Reading) -> Result<()> {
        let Reading { claim, of, began, calls, fails } = reading;
        let now = self.ours(self.now);
        let answer = snapshot::read(&self.running[of.0].history, of.1, calls);
        let outcome = match answer {
            Ok(snapshot) if !fails => {
                let report =
                    self.store.apply_snapshot(&claim, &snapshot, self.ours(began), &Author::system(now)).await?;
                match (report.lease_lost, report.marked_again) {
                    (true, _) => "lease lost",
                    (_, true) => "marked again",
                    _ => "applied",
                }
            }
            failed => {
                self.store.fail_read(&claim, failed.err().unwrap_or("Stripe answered 500"), now).await?;
                "failed"
            }
        };
        self.running[of.0].log.push((self.now, Note::Read { customer: of.1, began, calls, outcome }));
        Ok(())
    }

    /// The process is started anew.
    async fn reopen(&mut self) -> Result<()> {
        self.store.close().await;
        self.store = store::open(&self.url, options(self.mode, self.money)).await?;
        Ok(())
    }

    /// Retries run out their time.
    async fn come_to_rest(&mut self) -> Result<()> {
        for _ in 0..RESTLESS {
            if let Some((at, actions)) = self.agenda.pop_first() {
                self.now = self.now.max(at);
                self.round(actions, true).await?;
            } else if let Some(due) = self.store.next_due().await? {
                // Under a lease that nobody will answer, time goes on as well.
                self.now = (self.now + 1000).max(due.millis() - self.skew);
                self.round(vec![], true).await?;
            } else {
                return Ok(());
            }
        }
        Err(store::Error::Unavailable("the store does not come to rest".into()))
    }

    /// Where events were lost, every customer is read.
    async fn reconcile(&mut self) -> Result<()> {
        self.now += 60_000;
        let now = self.ours(self.now);
        for running in self.running.iter().filter(|running| running.plan.lossy) {
            for versions in &running.history.versions {
                self.store.request_read(LIVEMODE, &versions[0].1.id, now).await?;
            }
        }
        self.come_to_rest().await
    }

    /// The same file, opened by another process.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn opened_anew(&self) -> Result<Arc<dyn Store>> {
        store::open(&self.url, options(self.mode, self.money)).await
    }
}

/// Polls a future so many times and drops it there, unless it is done before.
async fn kill<F: Future>(future: F, polls: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}
