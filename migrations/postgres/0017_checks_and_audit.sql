-- What the application asked and what it was told, one row for as long as the answer stayed the same. Bounded: so many rows of each
-- user, so many of users and features that are unknown, and none that was not added to for months.
create table access_check (
    livemode boolean not null,
    user_id text not null,
    feature text not null,
    api_key_id text not null,
    since bigint not null,
    reason text not null,
    allowed boolean not null,
    last_at bigint not null,
    times bigint not null,
    primary key (livemode, user_id, feature, api_key_id, since, reason)
);
create index access_check_last on access_check (last_at);
create index access_check_stray on access_check (livemode, reason, last_at)
    where reason = 'unknown_user' or reason = 'unknown_feature';

-- All checks by UTC hour (its first millisecond), those that no row above remembers included.
create table access_check_hour (
    livemode boolean not null,
    hour bigint not null,
    allowed bigint not null,
    denied bigint not null,
    unlisted bigint not null,
    primary key (livemode, hour)
);

-- The audit log by who, what and which.
create index audit_actor on audit (actor, audit_id);
create index audit_action on audit (action, audit_id);
create index audit_object_id on audit (object_id, audit_id);
