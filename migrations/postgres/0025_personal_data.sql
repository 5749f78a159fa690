-- When a body was removed, after its time or with the personal data of whom it was about. One whose time is up while its event is not settled
-- is overdue.
alter table event add column payload_removed_at bigint;
alter table event add column payload_overdue boolean not null default false;
create index event_payload_overdue on event (seq) where payload_overdue;
create index rejected_delivery_received on rejected_delivery (received_at);

-- What is removed after its time: how far, when last, and how much.
create table retention (
    subject text not null primary key,
    -- Events up to this receipt number were looked at.
    place bigint not null,
    ran_at bigint,
    removed_at bigint,
    removed bigint not null,
    removed_in_all bigint not null
);
insert into retention (subject, place, removed, removed_in_all) values ('payloads', 0, 0, 0), ('rejected', 0, 0, 0);

-- Customers whose personal data was erased: what comes of them later is taken in without any.
create table erased_customer (
    livemode boolean not null,
    customer_id text not null,
    pseudonym text not null,
    at bigint not null,
    primary key (livemode, customer_id)
);
-- The same on the customer itself, so that who writes its row sees it there.
alter table customer add column is_erased boolean not null default false;

-- The entry that erased what another said of a person: it holds the digest of what is left of that one.
alter table audit add column erased_by bigint;
drop trigger audit_is_as_it_was on audit;
create trigger audit_is_as_it_was before update of audit_id, at, actor, action, livemode, object_kind, role, address, request_id, details_hash, hash on audit
    for each row execute function audit_is_kept();
create trigger audit_says_what_it_said before update of object_id, reason, details on audit
    for each row when (new.erased_by is null or new.erased_by <= old.audit_id) execute function audit_is_kept();
