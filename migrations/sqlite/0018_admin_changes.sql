-- The last day of events by the time of their receipt.
create index event_received_at on event (livemode, received_at);

-- Where the case of an override is written down: the address of a ticket.
alter table access_override add column ticket_url text;
-- Overrides by their end, by who made them, and all of a mode in order.
create index access_override_end on access_override (livemode, expires_at, override_id) where revoked_at is null;
create index access_override_author on access_override (livemode, created_by, override_id);
create index access_override_order on access_override (livemode, override_id);

-- Stripe customers that no user is to be found for, with who says so and why.
create table ignored_customer (
    livemode boolean not null,
    customer_id text not null,
    reason text not null,
    actor text not null,
    at bigint not null,
    primary key (livemode, customer_id)
);
create index ignored_customer_at on ignored_customer (livemode, at, customer_id);

-- What nobody wants to be told again, such as the first steps of an installation.
create table dismissal (
    livemode boolean not null,
    topic text not null,
    actor text not null,
    at bigint not null,
    primary key (livemode, topic)
);
