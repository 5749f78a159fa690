-- Instants are Unix milliseconds (bigint): they sort alike in SQLite, PostgreSQL and memory.
-- Every row of Stripe's belongs to a mode, and ids are unique per mode.

-- One row per Event of Stripe's, however often it was delivered.
create table event (
    seq bigint generated always as identity primary key,
    livemode boolean not null,
    event_id text not null,
    kind text not null,
    created bigint not null,
    api_version text,
    object_id text,
    customer_id text,
    payload text not null,
    received_at bigint not null,
    secret_name text,
    origin text not null,
    deliveries bigint not null,
    last_delivery_at bigint not null,
    status text not null,
    note text,
    effects text,
    error text,
    attempts bigint not null,
    next_attempt_at bigint,
    waits_for_read boolean not null,
    processed_at bigint,
    unique (livemode, event_id)
);
create index event_due on event (next_attempt_at, seq) where status in ('pending', 'failed') and not waits_for_read;
create index event_status on event (livemode, status, seq);
create index event_kind on event (livemode, kind, seq);
create index event_customer on event (livemode, customer_id, seq);
create index event_object on event (livemode, object_id, created);

-- One run of the processor over one event.
create table attempt (
    attempt_id bigint generated always as identity primary key,
    livemode boolean not null,
    event_id text not null,
    cause text not null,
    actor text,
    started_at bigint not null,
    took_ms bigint not null,
    outcome text not null,
    error text
);
create index attempt_event on attempt (livemode, event_id, attempt_id);

-- Deliveries that were refused; bounded in number and size.
create table rejected_delivery (
    rejected_id bigint generated always as identity primary key,
    received_at bigint not null,
    failed_check text not null,
    message text not null,
    tried text not null,
    remote text,
    signature_header text,
    body_size bigint not null,
    body_start text not null
);

create table customer (
    livemode boolean not null,
    customer_id text not null,
    email text,
    name text,
    deleted boolean not null,
    claimed_user text,
    evidence_at bigint,
    evidence_event_id text,
    first_seen_at bigint not null,
    last_event_at bigint,
    dirty_at bigint,
    next_read_at bigint,
    read_attempts bigint not null,
    read_error text,
    lease_owner text,
    lease_until bigint,
    synced_at bigint,
    primary key (livemode, customer_id)
);
create index customer_dirty on customer (next_read_at) where dirty_at is not null;
create index customer_email on customer (livemode, email);
create index customer_last_event on customer (livemode, last_event_at);

create table mapping (
    livemode boolean not null,
    customer_id text not null,
    user_id text not null,
    source text not null,
    evidence text not null,
    since bigint not null,
    primary key (livemode, customer_id)
);
create index mapping_user on mapping (livemode, user_id);

-- A claim that contradicts a mapping. It moves nothing; a person settles it. Settled ones stay, so that the same claim is not raised again.
create table mapping_conflict (
    conflict_id text not null primary key,
    livemode boolean not null,
    customer_id text not null,
    mapped_user_id text not null,
    claimed_user_id text not null,
    source text not null,
    evidence text not null,
    since bigint not null,
    resolved_at bigint,
    resolution text,
    resolved_by text,
    unique (livemode, customer_id, claimed_user_id)
);

-- Users the host application told us of.
create table app_user (
    livemode boolean not null,
    user_id text not null,
    email text,
    name text,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (livemode, user_id)
);
create index app_user_email on app_user (livemode, email);

create table subscription (
    livemode boolean not null,
    subscription_id text not null,
    customer_id text not null,
    status text not null,
    state text not null,
    observed text not null,
    past_due_since bigint,
    evidence_at bigint not null,
    evidence_event_id text,
    updated_at bigint not null,
    primary key (livemode, subscription_id)
);
create index subscription_customer on subscription (livemode, customer_id);
create index subscription_status on subscription (livemode, status, updated_at);

create table checkout_session (
    livemode boolean not null,
    checkout_session_id text not null,
    customer_id text,
    state text not null,
    evidence_at bigint not null,
    evidence_event_id text,
    updated_at bigint not null,
    primary key (livemode, checkout_session_id)
);
create index checkout_session_customer on checkout_session (livemode, customer_id);

create table product (
    livemode boolean not null,
    product_id text not null,
    state text not null,
    deleted boolean not null,
    evidence_at bigint not null,
    evidence_event_id text,
    primary key (livemode, product_id)
);

create table price (
    livemode boolean not null,
    price_id text not null,
    product_id text,
    state text not null,
    deleted boolean not null,
    evidence_at bigint not null,
    evidence_event_id text,
    primary key (livemode, price_id)
);

create table feature (
    livemode boolean not null,
    feature_key text not null,
    name text,
    kind text not null,
    created_at bigint not null,
    primary key (livemode, feature_key)
);

-- target_kind is 'price' or 'product'. The target need not be known yet.
create table catalog_grant (
    livemode boolean not null,
    target_kind text not null,
    target_id text not null,
    feature_key text not null,
    value bigint,
    primary key (livemode, target_kind, target_id, feature_key),
    foreign key (livemode, feature_key) references feature (livemode, feature_key)
);

create table access_override (
    override_id text not null primary key,
    livemode boolean not null,
    user_id text not null,
    feature_key text not null,
    effect text not null,
    value bigint,
    reason text not null,
    expires_at bigint,
    created_at bigint not null,
    created_by text not null,
    revoked_at bigint,
    revoked_by text,
    revoke_reason text
);
create index access_override_user on access_override (livemode, user_id);

-- Every change of an answer, with what caused it.
create table verdict_change (
    verdict_change_id bigint generated always as identity primary key,
    livemode boolean not null,
    user_id text not null,
    feature_key text not null,
    allowed_before boolean not null,
    allowed_after boolean not null,
    reason_before text not null,
    reason_after text not null,
    cause_kind text not null,
    cause_id text not null,
    at bigint not null
);
create index verdict_change_user on verdict_change (livemode, user_id, verdict_change_id);
create index verdict_change_cause on verdict_change (livemode, cause_kind, cause_id);

-- Which users' facts a commit touched (none: the catalog), so that other processes' memory can follow.
create table access_change (
    seq bigint generated always as identity primary key,
    livemode boolean not null,
    user_id text,
    at bigint not null
);

create table staff (
    staff_id text not null primary key,
    email text not null unique,
    name text not null,
    role text not null,
    password_hash text not null,
    created_at bigint not null,
    last_seen_at bigint,
    disabled_at bigint
);

create table session (
    session_hash text not null primary key,
    staff_id text,
    data text not null,
    expires_at bigint not null
);
create index session_staff on session (staff_id);

create table setup_link (
    token_hash text not null primary key,
    expires_at bigint not null
);

create table api_key (
    api_key_id text not null primary key,
    name text not null,
    livemode boolean not null,
    scope text not null,
    key_hash text not null unique,
    prefix text not null,
    last4 text not null,
    created_at bigint not null,
    created_by text not null,
    last_used_at bigint,
    revoked_at bigint
);

create table audit (
    audit_id bigint generated always as identity primary key,
    at bigint not null,
    actor text not null,
    action text not null,
    livemode boolean,
    object_kind text not null,
    object_id text not null,
    reason text,
    details text not null
);
create index audit_object on audit (object_kind, object_id, audit_id);
