-- The installation's policy, each time it was started with another one. History begins with the first row: what was known by then is
-- recorded in the same transaction, and of what was before nothing is known.
create table installation_policy (
    seq bigint generated always as identity primary key,
    since bigint not null,
    policy text not null
);
