-- Each list of the admin app is read in the order it is shown in, from where the page begins: none grows with what is stored.
create index event_received on event (livemode, seq);
create index event_version on event (livemode, api_version, seq);
create index event_error on event (livemode, seq) where error is not null;

drop index subscription_status;
create index subscription_status on subscription (livemode, status, updated_at, subscription_id);
create index subscription_updated on subscription (livemode, updated_at, subscription_id);

create index mapping_since on mapping (livemode, since, customer_id);

-- Searched by how they begin, whatever the case.
create index customer_id_begins on customer (livemode, lower(customer_id));
create index customer_email_begins on customer (livemode, lower(email));
create index customer_name_begins on customer (livemode, lower(name));
create index mapping_user_begins on mapping (livemode, lower(user_id));
create index app_user_id_begins on app_user (livemode, lower(user_id));
create index app_user_email_begins on app_user (livemode, lower(email));

-- Whether a user is known for a customer: those without one are few, and looked for often.
alter table customer add column is_mapped boolean not null default false;
update customer set is_mapped = true
where exists (select 1 from mapping m where m.livemode = customer.livemode and m.customer_id = customer.customer_id);
drop index customer_last_event;
create index customer_last_event on customer (livemode, last_event_at, customer_id);
create index customer_nobodys on customer (livemode, last_event_at, customer_id) where not is_mapped and not deleted;

-- Whom a comparison found to differ.
create index resync_customer_differs on resync_customer (customer_id) where status = 'differs';

-- What subscriptions that have not ended are for: who pays for a price, without reading every subscription.
create table subscription_price (
    livemode boolean not null,
    subscription_id text not null,
    price_id text not null,
    product_id text,
    customer_id text not null,
    primary key (livemode, subscription_id, price_id)
);
create index subscription_price_payers on subscription_price (livemode, price_id, customer_id);
create index subscription_price_product on subscription_price (livemode, product_id, customer_id);
insert into subscription_price (livemode, subscription_id, price_id, product_id, customer_id)
select s.livemode, s.subscription_id, i.value ->> 'price_id', max(i.value ->> 'product_id'), s.customer_id
from subscription s, json_each(s.state, '$.items') i
where s.status not in ('canceled', 'incomplete_expired')
group by s.livemode, s.subscription_id, i.value ->> 'price_id', s.customer_id;
