-- Links by which somebody invited chooses a password, or somebody who forgot it another: used once, kept as a hash alone.
create table staff_link (
    staff_id text not null primary key,
    token_hash text not null unique,
    kind text not null,
    created_at bigint not null,
    created_by text not null,
    expires_at bigint not null
);
