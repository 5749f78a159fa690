-- Events that were fetched because they had not been delivered, with why.
alter table event add column undelivered text;
create index event_fetched on event (livemode, seq) where undelivered is not null;
create index event_undelivered on event (livemode, undelivered, created) where undelivered is not null and deliveries = 0;
-- How far Stripe's list of events has been read: one row for each mode that can be read.
create table catch_up (
    livemode boolean not null primary key,
    -- When the list is read next, and when and from where on somebody asked for that.
    due_at bigint not null,
    asked_at bigint,
    asked_since bigint,
    -- Up to the newest event of Stripe's list all are known.
    read_until bigint,
    finished_at bigint,
    -- The reading in hand, newest first: since when it goes back, the newest event it saw, and the one it goes on after.
    began_at bigint,
    since bigint,
    newest bigint,
    after_event text,
    listed bigint not null,
    missing bigint not null,
    -- What Stripe keeps no events of any more.
    lost_since bigint,
    lost_until bigint,
    attempts bigint not null,
    error text,
    lease_owner text,
    lease_until bigint,
    -- How our address was registered in Stripe when it was last looked at.
    endpoint_state text,
    endpoint_id text,
    endpoint_at bigint
);
