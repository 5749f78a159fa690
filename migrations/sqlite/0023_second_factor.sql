-- The second factor of the staff: the seed of an authenticator's codes, encrypted with a key that is not in the database. Until its person
-- gave a code of it (confirmed_at), it counts for nothing and is shown to the session alone that began it. The step of the newest code
-- that was used is kept: each counts once.
create table second_factor (
    staff_id text not null primary key,
    seed text not null,
    created_at bigint not null,
    session_hash text,
    confirmed_at bigint,
    last_step bigint not null
);

-- Codes for who has lost the authenticator: used once, kept as hashes alone.
create table recovery_code (
    code_hash text not null primary key,
    staff_id text not null
);
create index recovery_code_staff on recovery_code (staff_id);
