-- Passkeys of the staff (WebAuthn): each is a second factor, and enough on its own. Public keys and counters as the library that checks
-- them writes them, in hex; none of it is secret.
create table passkey (
    passkey_id text not null primary key,
    credential_id text not null,
    staff_id text not null,
    name text not null,
    static_state text not null,
    dynamic_state text not null,
    transports bigint not null,
    created_at bigint not null,
    last_used_at bigint
);
create unique index passkey_credential on passkey (credential_id);
create index passkey_staff on passkey (staff_id);

-- What a browser was asked to sign and has not signed yet: the newest of each purpose, taken once, for minutes.
create table passkey_challenge (
    browser_hash text not null,
    purpose text not null,
    state text not null,
    expires_at bigint not null,
    primary key (browser_hash, purpose)
);
create index passkey_challenge_expires on passkey_challenge (expires_at);
