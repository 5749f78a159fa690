-- How each member of staff wants the pages; who has no row has no wish.
create table preference (
    staff_id text not null primary key,
    theme text not null,
    density text not null,
    time_zone text not null,
    times text not null,
    shortcuts boolean not null
);

-- Filters of lists that a member of staff keeps under a name: path and query of the list's address.
create table saved_filter (
    saved_filter_id text not null primary key,
    staff_id text not null,
    path text not null,
    name text not null,
    query text not null
);
create unique index saved_filter_name on saved_filter (staff_id, path, name);
