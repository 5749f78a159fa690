-- Thin events of objects whose customer has to be asked for at Stripe: when each asks next.
create index event_lookup on event (livemode, next_attempt_at) where waits_for_read and customer_id is null;
