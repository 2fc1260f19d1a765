-- rolling from 33
-- What is told to all accounts of a customer, product or policy goes through them by an index in their order.
drop index accounts_customer, accounts_product, account_addons_product;
create index accounts_customer on accounts (i_customer, i_account);
create index accounts_product on accounts (i_product, i_account);
create index account_addons_product on account_addons (i_product, i_account);
