-- A comparison of many customers with Stripe: a resync that somebody asked for, or a reconcile by the clock.
create table resync (
    resync_id text not null primary key,
    livemode boolean not null,
    purpose text not null,
    scope text not null,
    status text not null,
    is_paused boolean not null,
    -- Whether differences are mended as soon as all are known, or shown first.
    applies boolean not null,
    created_by text not null,
    reason text,
    created_at bigint not null,
    -- When the first of Stripe's lists began to be read: what the answers are worth as evidence.
    read_from bigint,
    finished_at bigint,
    -- When it goes on; none while it waits for somebody.
    next_at bigint,
    attempts bigint not null,
    error text,
    lease_owner text,
    lease_until bigint
);
create index resync_due on resync (next_at) where next_at is not null;
create index resync_created on resync (livemode, created_at, resync_id);

-- A part of one of Stripe's lists, by time of creation (Unix seconds; the end does not belong to it), read newest first.
create table resync_range (
    resync_id text not null,
    list text not null,
    number bigint not null,
    created_from bigint not null,
    created_until bigint not null,
    -- The last object that was read.
    after_id text,
    after_created bigint,
    is_done boolean not null,
    objects bigint not null,
    pages bigint not null,
    primary key (resync_id, list, number)
);

-- What Stripe answered, until it is compared and, where it differs, applied.
create table resync_object (
    resync_id text not null,
    customer_id text not null,
    kind text not null,
    object_id text not null,
    object text not null,
    primary key (resync_id, customer_id, kind, object_id)
);

-- One customer of a resync: waiting, same, skipped, differs, applied, failed.
create table resync_customer (
    resync_id text not null,
    customer_id text not null,
    status text not null,
    -- The start of the read that the answer came with; none before it was read.
    read_at bigint,
    effects text,
    error text,
    primary key (resync_id, customer_id)
);
create index resync_customer_status on resync_customer (resync_id, status, customer_id);
create index resync_customer_found on resync_customer (customer_id, status);

-- Whom a reconcile looks at next.
create index customer_synced on customer (livemode, synced_at, customer_id);
