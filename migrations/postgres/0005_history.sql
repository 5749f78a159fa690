-- What was true at any moment: a user's facts after each change of them, and the catalog after each change of it.
-- `at` is when we knew, `true_at` when it was so: for an event its time on Stripe's clock.
alter table access_change add column true_at bigint;
alter table access_change add column facts text;
alter table access_change add column catalog text;
create index access_change_user on access_change (livemode, user_id, seq);

alter table verdict_change add column true_at bigint;
