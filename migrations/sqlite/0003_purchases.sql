-- What a one-time purchase gives: for how many seconds from its payment (none: for ever), and how many credits.
alter table catalog_grant add column duration_s bigint;
alter table catalog_grant add column credits bigint;

-- The payment behind a session (a payment intent's id), and the first moment an event called it paid.
alter table checkout_session add column payment_id text;
alter table checkout_session add column paid_at bigint;
create index checkout_session_payment on checkout_session (livemode, payment_id);

-- Whom a session names: those without a customer are found by it.
alter table checkout_session add column client_reference_id text;
update checkout_session set client_reference_id = state ->> 'client_reference_id';
create index checkout_session_reference on checkout_session (livemode, client_reference_id);

-- Invoices that count: purchases outside of subscriptions, and debits of subscriptions that failed. matters says whether one counts now.
create table invoice (
    livemode boolean not null,
    invoice_id text not null,
    customer_id text not null,
    matters boolean not null,
    state text not null,
    payment_failed_at bigint,
    evidence_at bigint not null,
    evidence_event_id text,
    updated_at bigint not null,
    primary key (livemode, invoice_id)
);
create index invoice_customer on invoice (livemode, customer_id, matters);

-- Which payment pays which invoice.
create table invoice_payment (
    livemode boolean not null,
    invoice_id text not null,
    payment_id text not null,
    primary key (livemode, invoice_id, payment_id)
);
create index invoice_payment_payment on invoice_payment (livemode, payment_id, invoice_id);

-- Charges, refunds and disputes, each as evidence last told; what they belong to may become known later. payment_id is the payment
-- intent, or the charge of a payment that has none.
create table payment_object (
    livemode boolean not null,
    object_id text not null,
    kind text not null,
    payment_id text not null,
    state text not null,
    evidence_at bigint not null,
    evidence_event_id text,
    updated_at bigint not null,
    primary key (livemode, object_id)
);
create index payment_object_payment on payment_object (livemode, payment_id);

-- What was bought before this migration was never read: a guest's session becomes its own payer, and every payer is read once.
update checkout_session set customer_id = checkout_session_id
where customer_id is null and state like '%"mode":"payment"%' and state like '%"status":"complete"%';
insert into customer (livemode, customer_id, deleted, first_seen_at, last_event_at, dirty_at, next_read_at, read_attempts)
select livemode, checkout_session_id, false, updated_at, updated_at, updated_at, updated_at, 0
from checkout_session where customer_id = checkout_session_id;
update customer set dirty_at = first_seen_at, next_read_at = first_seen_at
where dirty_at is null and exists (
    select 1 from checkout_session c
    where c.livemode = customer.livemode and c.customer_id = customer.customer_id
        and c.state like '%"mode":"payment"%' and c.state like '%"status":"complete"%'
);
