-- Mappings by how the customer's id begins, whether Stripe has told of that customer or not.
create index mapping_customer_begins on mapping (livemode, lower(customer_id));

-- Open conflicts in the order they are listed in.
drop index mapping_conflict_open;
create index mapping_conflict_open on mapping_conflict (livemode, since, conflict_id) where resolved_at is null;

-- Overrides that are over by when that was: revoked, or at the end they had.
create index access_override_ended on access_override (livemode, coalesce(revoked_at, expires_at), override_id);
