-- When a product is read next says by itself until when a read holds it.
alter table product drop column lease_until;
