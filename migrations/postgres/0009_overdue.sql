-- When Stripe is asked about a subscription whose paid period has passed without a word: an hour after its end.
alter table subscription add column check_at bigint;
update subscription
set check_at = cast(extract(epoch from cast(cast(state as jsonb) #>> '{items,0,current_period_end}' as timestamptz)) * 1000 as bigint) + 3600000
where status in ('active', 'trialing', 'past_due');
create index subscription_overdue on subscription (livemode, check_at) where check_at is not null;
