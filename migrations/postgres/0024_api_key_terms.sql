-- Until when, from where and how often an API key may be used, from where it was last used, and which key came after which.
alter table api_key add column expires_at bigint;
alter table api_key add column addresses text not null default '';
alter table api_key add column check_rate bigint;
alter table api_key add column request_rate bigint;
alter table api_key add column last_used_from text;
alter table api_key add column replaces text;
alter table api_key add column replaced_by text;
