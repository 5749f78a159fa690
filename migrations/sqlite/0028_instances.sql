-- The programs that work on this database at the same time. On SQLite nobody writes here: there is one.
create table instance (
    instance_id text not null primary key,
    -- The machine and the process, for people.
    name text not null,
    version text not null,
    started_at bigint not null,
    -- By the database's clock, so that theirs may differ.
    seen_at bigint not null
);
