-- Who says that a price or product gives a feature: 'manual', the 'metadata' of either, or 'stripe' (its product features).
create table catalog_grant_said (
    livemode boolean not null,
    target_kind text not null,
    target_id text not null,
    feature_key text not null,
    source text not null,
    value bigint,
    duration_s bigint,
    credits bigint,
    primary key (livemode, target_kind, target_id, feature_key, source),
    foreign key (livemode, feature_key) references feature (livemode, feature_key)
);
insert into catalog_grant_said (livemode, target_kind, target_id, feature_key, source, value, duration_s, credits)
select livemode, target_kind, target_id, feature_key, 'manual', value, duration_s, credits from catalog_grant;
drop table catalog_grant;
alter table catalog_grant_said rename to catalog_grant;

-- Products are read from Stripe: no event tells that their features changed.
alter table product add column next_read_at bigint;
alter table product add column read_attempts bigint not null default 0;
alter table product add column read_error text;
alter table product add column lease_owner text;
alter table product add column lease_until bigint;
alter table product add column synced_at bigint;
insert into product (livemode, product_id, state, deleted, evidence_at)
select distinct livemode, product_id, '{"id":"' || product_id || '","name":null,"active":true}', false, 0
from price where product_id is not null
on conflict (livemode, product_id) do nothing;
update product set next_read_at = 0 where not deleted;
create index product_due on product (livemode, next_read_at) where next_read_at is not null;

-- What Stripe itself holds a customer entitled to: a sorted list of lookup keys.
create table customer_entitlement (
    livemode boolean not null,
    customer_id text not null,
    lookup_keys text not null,
    evidence_at bigint not null,
    evidence_event_id text,
    updated_at bigint not null,
    primary key (livemode, customer_id)
);
