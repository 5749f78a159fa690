//! The end of what is kept about one person: what could name them goes, what was decided stays.
//!
//! Bodies of events go, names and addresses go, and where the user's id stands a name stands that says nothing. Stripe's own ids stay: they
//! name nobody without Stripe, and by them later news are told from those of others and taken in without personal data.
//! (docs/decisions/0007-what-is-left-of-a-person.md)

use std::collections::BTreeSet;

use domain::mapping::{Claim, MappingSource};
use domain::stripe::redact::redact;
use domain::stripe::{CheckoutSession, Subscription};
use domain::{Livemode, Timestamp};
use serde_json::{Value, json};
use sqlx::QueryBuilder;

use super::audit::{ERASE, Erasing, audit};
use super::dialect::EMPTY_LOG;
use super::mappings::conflict_id;
use super::names::Names;
use super::person::customers_of;
use super::processing::Due;
use super::rows::{Columns as _, DbRow, json as read_json, to_json};
use super::write::Write;
use super::{Backend, Conn, Db, facts};
use crate::Result;
use crate::records::{Author, Erased, Person};

/// Rows that are read or rewritten at once.
const AT_ONCE: usize = 200;
/// What stands where somebody had typed something.
const WORDS_ERASED: &str = "erased with the person's data";

/// Everything that is found before anything is changed.
struct Found {
    names: Names,
    /// Receipt numbers.
    events: BTreeSet<i64>,
    /// Ids by which the audit log may speak of the person.
    ids: BTreeSet<String>,
}

impl Backend {
    pub(super) async fn erase_person(&self, person: &Person, author: &Author) -> Result<Erased> {
        let livemode = person.livemode;
        let pseudonym = match &person.erased {
            Some((pseudonym, _)) => pseudonym.clone(),
            None => new_pseudonym(),
        };
        // The audit log is walked before the writer is taken: only what is added meanwhile is looked at while others wait.
        let (mut entries, mut walked) = (BTreeSet::new(), 0);
        {
            let mut conn = self.read.acquire().await?;
            let found = find(&mut conn, person, &pseudonym).await?;
            let erasing = Erasing { names: &found.names, ids: &found.ids };
            erasing.walk(&mut conn, &mut walked, &mut entries).await?;
        }
        let mut write = self.begin().await?;
        // Two who erase the same person give them one name, and who was mapped meanwhile is theirs too.
        let person = write.as_it_is(person).await?;
        let pseudonym = person.erased.as_ref().map_or(pseudonym, |(pseudonym, _)| pseudonym.clone());
        for customer_id in &person.customer_ids {
            sqlx::query(
                "insert into erased_customer (livemode, customer_id, pseudonym, at) values ($1, $2, $3, $4)
                 on conflict (livemode, customer_id) do nothing",
            )
            .bind(livemode.is_live())
            .bind(customer_id)
            .bind(&pseudonym)
            .bind(author.now.millis())
            .execute(write.conn())
            .await?;
            // Whoever is taking in news of the customer holds this row: what they wrote is found below.
            sqlx::query("update customer set is_erased = true where livemode = $1 and customer_id = $2")
                .bind(livemode.is_live())
                .bind(customer_id)
                .execute(write.conn())
                .await?;
        }
        let found = find(write.conn(), &person, &pseudonym).await?;
        let erasing = Erasing { names: &found.names, ids: &found.ids };
        erasing.walk(write.conn(), &mut walked, &mut entries).await?;
        let seqs: Vec<i64> = found.events.iter().copied().collect();
        for some in seqs.chunks(AT_ONCE) {
            write.empty_events(some, &found.names, author.now).await?;
        }
        for customer_id in &person.customer_ids {
            write.forget_customer(livemode, customer_id, &found.names).await?;
            write.forget_objects(livemode, customer_id, &pseudonym).await?;
            write.forget_compared(livemode, customer_id, &found.names).await?;
        }
        if let Some(user_id) = person.user_id.as_deref().filter(|user_id| *user_id != pseudonym) {
            write.rename(livemode, user_id, &pseudonym, &found.names).await?;
        }
        write.forget_mentions(&found, &person.customer_ids).await?;
        let author = Author { reason: author.reason.as_deref().map(|text| found.names.scrub(text)), ..author.clone() };
        let seals = erasing.erase(write.conn(), &entries, &pseudonym).await?;
        let erased = Erased {
            events: i64::try_from(seqs.len()).unwrap_or(i64::MAX),
            audit_entries: i64::try_from(seals.len()).unwrap_or(i64::MAX),
            pseudonym,
        };
        let details = json!({ "customers": person.customer_ids, "events": erased.events, "entries": seals });
        let object = ("person", erased.pseudonym.as_str());
        audit(write.conn(), &author, ERASE, Some(livemode), object, &details).await?;
        write.commit(author.now).await?;
        let mut conn = self.write.acquire().await?;
        for statement in EMPTY_LOG {
            // Somebody may be reading: then the log is emptied with the next erasure, or as it fills.
            sqlx::query(*statement).execute(&mut *conn).await?;
        }
        Ok(erased)
    }
}

/// `erased_` and eight letters or digits, by chance.
fn new_pseudonym() -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    // The lower 62 bits of a version 7 UUID are random.
    let mut random = uuid::Uuid::now_v7().as_u128() & ((1 << 62) - 1);
    let letters = (0..8).map(|_| {
        let letter = LETTERS[usize::try_from(random % 62).unwrap_or(0)];
        random /= 62;
        char::from(letter)
    });
    format!("erased_{}", letters.collect::<String>())
}

async fn texts(conn: &mut Conn, sql: &'static str, livemode: Livemode, id: &str) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar(sql).bind(livemode.is_live()).bind(id).fetch_all(conn).await?)
}

async fn rows(conn: &mut Conn, sql: &'static str, livemode: Livemode, id: &str) -> Result<Vec<DbRow>> {
    Ok(sqlx::query(sql).bind(livemode.is_live()).bind(id).fetch_all(conn).await?)
}

/// Ids of objects that belong to a customer: of those an event may tell without naming the customer.
const OBJECTS: &[&str] = &[
    "select subscription_id from subscription where livemode = $1 and customer_id = $2",
    "select checkout_session_id from checkout_session where livemode = $1 and customer_id = $2",
    "select payment_id from checkout_session where livemode = $1 and customer_id = $2 and payment_id is not null",
    "select invoice_id from invoice where livemode = $1 and customer_id = $2",
    "select p.payment_id from invoice i cross join invoice_payment p
     where p.livemode = i.livemode and p.invoice_id = i.invoice_id and i.livemode = $1 and i.customer_id = $2",
    "select o.object_id from checkout_session c cross join payment_object o
     where o.livemode = c.livemode and o.payment_id = c.payment_id and c.livemode = $1 and c.customer_id = $2",
    "select o.object_id from invoice i cross join invoice_payment p cross join payment_object o
     where p.livemode = i.livemode and p.invoice_id = i.invoice_id and o.livemode = p.livemode and o.payment_id = p.payment_id
         and i.livemode = $1 and i.customer_id = $2",
    "select conflict_id from mapping_conflict where livemode = $1 and customer_id = $2",
];

async fn find(conn: &mut Conn, person: &Person, pseudonym: &str) -> Result<Found> {
    let livemode = person.livemode;
    let mut names = Names::new(person.user_id.as_deref(), pseudonym);
    let mut ids: BTreeSet<String> = person.customer_ids.iter().cloned().collect();
    let mut events = BTreeSet::new();
    let mut sessions = vec![];
    for customer_id in &person.customer_ids {
        for sql in OBJECTS {
            ids.extend(texts(conn, sql, livemode, customer_id).await?);
        }
        let known = "select email, name from customer where livemode = $1 and customer_id = $2";
        for row in rows(conn, known, livemode, customer_id).await? {
            names.add(row.opt_text("email")?);
            names.add(row.opt_text("name")?);
        }
        let theirs = "select state from checkout_session where livemode = $1 and customer_id = $2";
        sessions.extend(texts(conn, theirs, livemode, customer_id).await?);
        let told: Vec<i64> = sqlx::query_scalar("select seq from event where livemode = $1 and customer_id = $2")
            .bind(livemode.is_live())
            .bind(customer_id)
            .fetch_all(&mut *conn)
            .await?;
        events.extend(told);
    }
    if let Some(user_id) = &person.user_id {
        ids.insert(user_id.clone());
        let known = "select email, name from app_user where livemode = $1 and user_id = $2";
        for row in rows(conn, known, livemode, user_id).await? {
            names.add(row.opt_text("email")?);
            names.add(row.opt_text("name")?);
        }
        let theirs = "select state from checkout_session where livemode = $1 and client_reference_id = $2 and customer_id is null";
        for state in texts(conn, theirs, livemode, user_id).await? {
            let session: CheckoutSession = read_json("checkout_session", "state", user_id, &state)?;
            ids.insert(session.id.clone());
            ids.extend(session.payment_intent_id.clone());
            sessions.push(state);
        }
        let overrides = "select override_id from access_override where livemode = $1 and user_id = $2";
        ids.extend(texts(conn, overrides, livemode, user_id).await?);
        // What says that somebody else's customer is this user.
        let claims = "select conflict_id, evidence from mapping_conflict where livemode = $1 and claimed_user_id = $2";
        for row in rows(conn, claims, livemode, user_id).await? {
            ids.insert(row.text("conflict_id")?);
            let told: Option<i64> = sqlx::query_scalar("select seq from event where livemode = $1 and event_id = $2")
                .bind(livemode.is_live())
                .bind(row.text("evidence")?)
                .fetch_optional(&mut *conn)
                .await?;
            events.extend(told);
        }
    }
    for state in sessions {
        names.add_of(&read_json("checkout_session", "state", person.id(), &state)?);
    }
    for id in &ids {
        let told: Vec<i64> =
            sqlx::query_scalar("select seq from event where livemode = $1 and object_id = $2 and customer_id is null")
                .bind(livemode.is_live())
                .bind(id)
                .fetch_all(&mut *conn)
                .await?;
        events.extend(told);
    }
    let seqs: Vec<i64> = events.iter().copied().collect();
    for some in seqs.chunks(AT_ONCE) {
        for row in those(conn, "select event_id, payload, effects from event where seq in (", some).await? {
            let event_id = row.text("event_id")?;
            if let Ok(payload) = serde_json::from_str(&row.text("payload")?) {
                names.add_of(&payload);
            }
            // What somebody was called before stands nowhere else.
            let effects: Option<Value> =
                row.opt_text("effects")?.map(|text| read_json("event", "effects", &event_id, &text)).transpose()?;
            for change in effects.iter().filter_map(|effects| effects["fields"].as_array()).flatten() {
                if matches!(change["field"].as_str(), Some("email" | "name")) {
                    for side in ["before", "after"] {
                        names.add(change[side].as_str().map(str::to_owned));
                    }
                }
            }
            ids.insert(event_id);
        }
    }
    Ok(Found { names, events, ids })
}

async fn those(conn: &mut Conn, sql: &'static str, seqs: &[i64]) -> Result<Vec<DbRow>> {
    let mut query = QueryBuilder::<Db>::new(sql);
    let mut list = query.separated(", ");
    for seq in seqs {
        list.push_bind(*seq);
    }
    query.push(")");
    Ok(query.build().fetch_all(conn).await?)
}

/// A text column that is JSON, without the names.
fn scrubbed_json(names: &Names, text: Option<String>) -> Option<String> {
    let mut value: Value = serde_json::from_str(&text?).ok()?;
    names.scrub_json(&mut value);
    // Sentences hold the user's id among other words.
    if let Some(sentences) = value.get_mut("mappings").and_then(Value::as_array_mut) {
        for sentence in sentences {
            *sentence = json!(names.scrub(sentence.as_str().unwrap_or_default()));
        }
    }
    Some(value.to_string())
}

fn scrubbed(names: &Names, text: Option<String>) -> Option<String> {
    text.map(|text| names.scrub(&text))
}

impl Write<'_> {
    /// Whether personal data of this customer was erased: what comes of it is taken in without any.
    pub(super) async fn is_erased(&mut self, livemode: Livemode, customer_id: &str) -> Result<bool> {
        let key = (livemode, customer_id.to_owned());
        if let Some(known) = self.erased.get(&key) {
            return Ok(*known);
        }
        let erased: Option<i64> =
            sqlx::query_scalar("select at from erased_customer where livemode = $1 and customer_id = $2")
                .bind(livemode.is_live())
                .bind(customer_id)
                .fetch_optional(self.conn())
                .await?;
        self.erased.insert(key, erased.is_some());
        Ok(erased.is_some())
    }

    /// Takes what could name a person out of an event that has just come, here and on disk.
    pub(super) async fn keep_without_person(&mut self, due: &Due, payload: &mut Value) -> Result<()> {
        redact(payload);
        sqlx::query("update event set payload = $3 where livemode = $1 and event_id = $2")
            .bind(due.livemode.is_live())
            .bind(&due.event_id)
            .bind(payload.to_string())
            .execute(self.conn())
            .await?;
        Ok(())
    }

    /// The person with the customers and the name this transaction sees.
    async fn as_it_is(&mut self, person: &Person) -> Result<Person> {
        let mut person = person.clone();
        if let Some(user_id) = &person.user_id {
            let theirs = customers_of(self.conn(), person.livemode, user_id).await?;
            let known: BTreeSet<String> = person.customer_ids.drain(..).chain(theirs).collect();
            person.customer_ids = known.into_iter().collect();
        }
        for customer_id in &person.customer_ids {
            let row = sqlx::query("select pseudonym, at from erased_customer where livemode = $1 and customer_id = $2")
                .bind(person.livemode.is_live())
                .bind(customer_id)
                .fetch_optional(self.conn())
                .await?;
            if let Some(row) = row {
                person.erased = Some((row.text("pseudonym")?, row.time("at")?));
            }
        }
        Ok(person)
    }

    /// Bodies of events that are settled go; what still waits in line keeps what decides.
    async fn empty_events(&mut self, seqs: &[i64], names: &Names, now: Timestamp) -> Result<()> {
        let select = "select seq, payload, effects, note, error, payload_removed_at,
                waits_for_read or status not in ('processed', 'ignored', 'unattributed', 'dead') as is_in_line
             from event where seq in (";
        for row in those(self.conn(), select, seqs).await? {
            let removed_at = row.opt_time("payload_removed_at")?;
            let body: Option<Value> = serde_json::from_str(&row.text("payload")?).ok();
            let (payload, removed_at) = match body.filter(|_| row.flag("is_in_line").unwrap_or(false)) {
                Some(mut body) => {
                    redact(&mut body);
                    (body.to_string(), removed_at)
                }
                None => (String::new(), removed_at.or(Some(now))),
            };
            sqlx::query(
                "update event set payload = $2, payload_removed_at = $3, payload_overdue = false, effects = $4, note = $5, error = $6
                 where seq = $1",
            )
            .bind(row.int("seq")?)
            .bind(payload)
            .bind(removed_at.map(Timestamp::millis))
            .bind(scrubbed_json(names, row.opt_text("effects")?))
            .bind(scrubbed(names, row.opt_text("note")?))
            .bind(scrubbed(names, row.opt_text("error")?))
            .execute(self.conn())
            .await?;
        }
        let select = "select a.attempt_id, a.error from event e cross join attempt a
             where a.livemode = e.livemode and a.event_id = e.event_id and a.error is not null and e.seq in (";
        for row in those(self.conn(), select, seqs).await? {
            sqlx::query("update attempt set error = $2 where attempt_id = $1")
                .bind(row.int("attempt_id")?)
                .bind(scrubbed(names, row.opt_text("error")?))
                .execute(self.conn())
                .await?;
        }
        let select = "select r.replay_id, r.seq, r.effects, r.note from replay p cross join replay_event r
             where r.replay_id = p.replay_id and (r.effects is not null or r.note is not null) and r.seq in (";
        for row in those(self.conn(), select, seqs).await? {
            sqlx::query("update replay_event set effects = $3, note = $4 where replay_id = $1 and seq = $2")
                .bind(row.text("replay_id")?)
                .bind(row.int("seq")?)
                .bind(scrubbed_json(names, row.opt_text("effects")?))
                .bind(scrubbed(names, row.opt_text("note")?))
                .execute(self.conn())
                .await?;
        }
        Ok(())
    }

    async fn forget_customer(&mut self, livemode: Livemode, customer_id: &str, names: &Names) -> Result<()> {
        let select =
            "select read_error from customer where livemode = $1 and customer_id = $2 and read_error is not null";
        let read_error = texts(self.conn(), select, livemode, customer_id).await?.pop();
        sqlx::query(
            "update customer set email = null, name = null, claimed_user = null, read_error = $3
             where livemode = $1 and customer_id = $2",
        )
        .bind(livemode.is_live())
        .bind(customer_id)
        .bind(scrubbed(names, read_error))
        .execute(self.conn())
        .await?;
        sqlx::query("update ignored_customer set reason = $3 where livemode = $1 and customer_id = $2")
            .bind(livemode.is_live())
            .bind(customer_id)
            .bind(WORDS_ERASED)
            .execute(self.conn())
            .await?;
        // Nobody is to choose between two names any more.
        sqlx::query("delete from mapping_conflict where livemode = $1 and customer_id = $2")
            .bind(livemode.is_live())
            .bind(customer_id)
            .execute(self.conn())
            .await?;
        Ok(())
    }

    /// What Stripe's objects say of the user, and where a customer could go on with Checkout.
    async fn forget_objects(&mut self, livemode: Livemode, customer_id: &str, pseudonym: &str) -> Result<()> {
        let select = "select subscription_id, state from subscription where livemode = $1 and customer_id = $2";
        for row in rows(self.conn(), select, livemode, customer_id).await? {
            let id = row.text("subscription_id")?;
            let mut state: Subscription = read_json("subscription", "state", &id, &row.text("state")?)?;
            if state.claimed_user.is_none() {
                continue;
            }
            state.claimed_user = Some(pseudonym.to_owned());
            sqlx::query("update subscription set state = $3 where livemode = $1 and subscription_id = $2")
                .bind(livemode.is_live())
                .bind(&id)
                .bind(to_json(&state))
                .execute(self.conn())
                .await?;
        }
        let select = "select checkout_session_id, state from checkout_session where livemode = $1 and customer_id = $2";
        let sessions = rows(self.conn(), select, livemode, customer_id).await?;
        self.forget_sessions(livemode, &sessions, pseudonym).await
    }

    async fn forget_sessions(&mut self, livemode: Livemode, sessions: &[DbRow], pseudonym: &str) -> Result<()> {
        for row in sessions {
            let id = row.text("checkout_session_id")?;
            let mut state: CheckoutSession = read_json("checkout_session", "state", &id, &row.text("state")?)?;
            state.email = None;
            state.url = None;
            for claim in [&mut state.client_reference_id, &mut state.claimed_user] {
                *claim = claim.take().map(|_| pseudonym.to_owned());
            }
            sqlx::query(
                "update checkout_session set state = $3, client_reference_id = $4 where livemode = $1 and checkout_session_id = $2",
            )
            .bind(livemode.is_live())
            .bind(&id)
            .bind(to_json(&state))
            .bind(state.client_reference_id.as_deref())
            .execute(self.conn())
            .await?;
        }
        Ok(())
    }

    /// What comparisons with Stripe hold of a customer.
    async fn forget_compared(&mut self, livemode: Livemode, customer_id: &str, names: &Names) -> Result<()> {
        let select =
            "select c.resync_id, c.effects, c.error from resync_customer c join resync r on r.resync_id = c.resync_id
             where r.livemode = $1 and c.customer_id = $2 and (c.effects is not null or c.error is not null)";
        for row in rows(self.conn(), select, livemode, customer_id).await? {
            sqlx::query(
                "update resync_customer set effects = $3, error = $4 where resync_id = $1 and customer_id = $2",
            )
            .bind(row.text("resync_id")?)
            .bind(customer_id)
            .bind(scrubbed_json(names, row.opt_text("effects")?))
            .bind(scrubbed(names, row.opt_text("error")?))
            .execute(self.conn())
            .await?;
        }
        let select = "select o.resync_id, o.kind, o.object_id, o.object from resync r cross join resync_object o
             where o.resync_id = r.resync_id and r.livemode = $1 and o.customer_id = $2";
        for row in rows(self.conn(), select, livemode, customer_id).await? {
            let object_id = row.text("object_id")?;
            let mut object: Value = read_json("resync_object", "object", &object_id, &row.text("object")?)?;
            redact(&mut object);
            sqlx::query(
                "update resync_object set object = $5 where resync_id = $1 and customer_id = $2 and kind = $3 and object_id = $4",
            )
            .bind(row.text("resync_id")?)
            .bind(customer_id)
            .bind(row.text("kind")?)
            .bind(&object_id)
            .bind(object.to_string())
            .execute(self.conn())
            .await?;
        }
        Ok(())
    }

    /// Whatever is kept by the user's id is kept by another from now on.
    async fn rename(&mut self, livemode: Livemode, user_id: &str, pseudonym: &str, names: &Names) -> Result<()> {
        let select = "select checkout_session_id, state from checkout_session
             where livemode = $1 and client_reference_id = $2 and customer_id is null";
        let sessions = rows(self.conn(), select, livemode, user_id).await?;
        self.forget_sessions(livemode, &sessions, pseudonym).await?;
        let select = "select customer_id, evidence from mapping where livemode = $1 and user_id = $2";
        for row in rows(self.conn(), select, livemode, user_id).await? {
            sqlx::query("update mapping set user_id = $3, evidence = $4 where livemode = $1 and customer_id = $2")
                .bind(livemode.is_live())
                .bind(row.text("customer_id")?)
                .bind(pseudonym)
                .bind(names.scrub(&row.text("evidence")?))
                .execute(self.conn())
                .await?;
        }
        self.rename_claims(livemode, user_id, pseudonym).await?;
        // The application may have told of them again since they were erased.
        for sql in [
            "delete from app_user where livemode = $1 and user_id = $2
                and exists (select 1 from app_user known where known.livemode = $1 and known.user_id = $3)",
            "update app_user set user_id = $3, email = null, name = null where livemode = $1 and user_id = $2",
            "update verdict_change set user_id = $3, cause_id = case when cause_id = $2 then $3 else cause_id end
             where livemode = $1 and user_id = $2",
        ] {
            sqlx::query(sql).bind(livemode.is_live()).bind(user_id).bind(pseudonym).execute(self.conn()).await?;
        }
        sqlx::query(
            "update access_override set user_id = $3, reason = $4, ticket_url = null,
                revoke_reason = case when revoke_reason is null then null else $4 end
             where livemode = $1 and user_id = $2",
        )
        .bind(livemode.is_live())
        .bind(user_id)
        .bind(pseudonym)
        .bind(WORDS_ERASED)
        .execute(self.conn())
        .await?;
        let select = "select seq, facts from access_change where livemode = $1 and user_id = $2";
        for row in rows(self.conn(), select, livemode, user_id).await? {
            sqlx::query("update access_change set user_id = $2, facts = $3 where seq = $1")
                .bind(row.int("seq")?)
                .bind(pseudonym)
                .bind(scrubbed_json(names, row.opt_text("facts")?))
                .execute(self.conn())
                .await?;
        }
        sqlx::query("delete from access_check where livemode = $1 and user_id = $2")
            .bind(livemode.is_live())
            .bind(user_id)
            .execute(self.conn())
            .await?;
        self.mapped.clear();
        for name in [user_id, pseudonym] {
            let facts = facts::user_facts(self.conn(), livemode, name).await?.map(std::sync::Arc::new);
            self.moved.insert((livemode, name.to_owned()), facts);
        }
        Ok(())
    }

    /// Claims of others' customers to be this user.
    async fn rename_claims(&mut self, livemode: Livemode, user_id: &str, pseudonym: &str) -> Result<()> {
        let select = "select conflict_id, customer_id, mapped_user_id, claimed_user_id from mapping_conflict
             where livemode = $1 and (claimed_user_id = $2 or mapped_user_id = $2)";
        for row in rows(self.conn(), select, livemode, user_id).await? {
            let new = |text: String| if text == user_id { pseudonym.to_owned() } else { text };
            let claimed = new(row.text("claimed_user_id")?);
            let claim =
                Claim { customer_id: row.text("customer_id")?, user_id: claimed.clone(), source: MappingSource::Staff };
            sqlx::query("update mapping_conflict set conflict_id = $2, mapped_user_id = $3, claimed_user_id = $4 where conflict_id = $1")
                .bind(row.text("conflict_id")?)
                .bind(conflict_id(livemode, &claim))
                .bind(new(row.text("mapped_user_id")?))
                .bind(claimed)
                .execute(self.conn())
                .await?;
        }
        Ok(())
    }

    /// Small tables that may name anybody are looked through.
    async fn forget_mentions(&mut self, found: &Found, customer_ids: &[String]) -> Result<()> {
        let names = &found.names;
        let rejected =
            sqlx::query("select rejected_id, body_start from rejected_delivery").fetch_all(self.conn()).await?;
        for row in &rejected {
            let body = row.text("body_start")?;
            if names.are_in(&body) || customer_ids.iter().any(|id| body.contains(id.as_str())) {
                sqlx::query("delete from rejected_delivery where rejected_id = $1")
                    .bind(row.int("rejected_id")?)
                    .execute(self.conn())
                    .await?;
            }
        }
        for row in &sqlx::query("select saved_filter_id, name, query from saved_filter").fetch_all(self.conn()).await? {
            let query = row.text("query")?.replace("%40", "@").replace(['+', '='], " ").replace("%20", " ");
            if names.are_in(&query) || names.are_in(&row.text("name")?) {
                sqlx::query("delete from saved_filter where saved_filter_id = $1")
                    .bind(row.text("saved_filter_id")?)
                    .execute(self.conn())
                    .await?;
            }
        }
        for (select, update) in [
            (
                "select replay_id as id, filter as what, reason from replay",
                "update replay set filter = $2, reason = $3 where replay_id = $1",
            ),
            (
                "select resync_id as id, scope as what, reason from resync",
                "update resync set scope = $2, reason = $3 where resync_id = $1",
            ),
        ] {
            for row in &sqlx::query(select).fetch_all(self.conn()).await? {
                let (what, reason) = (row.text("what")?, row.opt_text("reason")?);
                if names.are_in(&what) || reason.as_ref().is_some_and(|reason| names.are_in(reason)) {
                    sqlx::query(update)
                        .bind(row.text("id")?)
                        .bind(names.scrub(&what))
                        .bind(scrubbed(names, reason))
                        .execute(self.conn())
                        .await?;
                }
            }
        }
        Ok(())
    }
}
