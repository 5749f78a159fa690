-- From where each entry of the audit log came, and its place in a chain: `hash` is over the entry and the hash before it, so that none can be
-- changed, taken out or put in between unnoticed. Entries from before have none. What an entry says may contain personal data, which can be
-- erased: the chain holds its digest.
alter table audit add column role text;
alter table audit add column address text;
alter table audit add column request_id text;
alter table audit add column details_hash text;
alter table audit add column hash text;
-- Entries are numbered by the chain.
alter table audit alter column audit_id drop identity;

-- The last entry, which is locked while the next one is added.
create table audit_head (
    one bigint not null primary key check (one = 1),
    audit_id bigint not null,
    hash text not null
);
create index audit_hash on audit (hash);
insert into audit_head (one, audit_id, hash) select 1, coalesce(max(audit_id), 0), '' from audit;

create function audit_is_kept() returns trigger language plpgsql as $$
begin
    raise exception 'entries of the audit log are neither changed nor deleted';
end $$;
create trigger audit_is_kept before delete on audit for each row execute function audit_is_kept();
create trigger audit_is_as_it_was before update of audit_id, at, actor, action, livemode, object_kind, object_id, reason, role, address, request_id, details_hash, hash on audit
    for each row execute function audit_is_kept();
