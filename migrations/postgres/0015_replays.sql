-- Many events processed again, a step at a time: each step is one transaction, so whoever dies leaves nothing half done.
create table replay (
    replay_id text not null primary key,
    livemode boolean not null,
    -- Which events, as JSON; and whether only those whose customer belongs to a user by now.
    filter text not null,
    linked boolean not null,
    is_dry_run boolean not null,
    -- Events put in line a second.
    rate bigint not null,
    status text not null,
    is_paused boolean not null,
    created_by text not null,
    reason text,
    created_at bigint not null,
    finished_at bigint,
    -- When its next step is due; none while it waits for somebody, or is over.
    next_at bigint,
    -- Events before this receipt number are still to be looked for. It begins behind the newest event there was.
    place bigint not null,
    matched bigint not null,
    fixed bigint not null,
    unchanged bigint not null,
    failed bigint not null,
    skipped bigint not null,
    asks bigint not null
);
create index replay_due on replay (next_at) where next_at is not null;
create index replay_created on replay (livemode, created_at, replay_id);

-- One event of a replay: waiting, queued, then what came of it: fixed, unchanged, failed, skipped, asks.
create table replay_event (
    replay_id text not null,
    seq bigint not null,
    event_id text not null,
    -- The event's status when it was found.
    status_before text not null,
    outcome text not null,
    -- While it is queued what it had changed before; afterwards what a dry run would change.
    effects text,
    -- Why it failed or was skipped.
    note text,
    primary key (replay_id, seq)
);
create index replay_event_outcome on replay_event (replay_id, outcome, seq);
