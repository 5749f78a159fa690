-- Requests to Stripe per UTC day (its first millisecond): the daily allowance of background reads must outlive a restart.
create table stripe_usage (
    livemode boolean not null,
    day bigint not null,
    lane text not null,
    reads bigint not null,
    writes bigint not null,
    limited bigint not null,
    primary key (livemode, day, lane)
);
