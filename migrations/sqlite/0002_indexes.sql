-- A user's facts are read by the user, never by walking all customers of the mode.
drop index mapping_user;
create index mapping_user on mapping (livemode, user_id, customer_id);

-- Reads that are due and conflicts that are open, per mode.
drop index customer_dirty;
create index customer_dirty on customer (livemode, next_read_at) where dirty_at is not null;
create index mapping_conflict_open on mapping_conflict (livemode, since) where resolved_at is null;

-- A customer's events that wait for something, however many it has had.
create index event_waiting on event (livemode, customer_id) where waits_for_read;
create index event_unattributed on event (livemode, customer_id) where status = 'unattributed';
