-- Where a feature or a price departs from the installation's policy; null: it does not.
alter table feature add column past_due_grace bigint;
alter table feature add column trialing text;
alter table feature add column paused text;

create table price_policy (
    livemode boolean not null,
    price_id text not null,
    past_due_grace bigint,
    trialing text,
    paused text,
    primary key (livemode, price_id)
);
