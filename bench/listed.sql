-- One account that had :xdrs xDRs today, copies of one that a charge has written, of 0.01 each; its balance is what they leave.
insert into accounts (i_env, id, i_customer, i_product, billing_model, currency, balance, opening_balance, h323_password, language)
    select t.i_env, 'listed', t.i_customer, t.i_product, t.billing_model, t.currency, 1000000 - 0.01 * :xdrs, 1000000, t.h323_password, t.language
    from accounts t where t.id = 'template-debit';

create temporary table copied as select * from xdr where storage = 'a' and not failed limit 1;
update copied set i_account = a.i_account, account_id = a.id, i_customer = a.i_customer, charged_amount = 0.01 from accounts a where a.id = 'listed';
create temporary table listed as select c.* from copied c, generate_series(1, :xdrs);
update listed set id = nextval('xdr_id'), h323_conf_id = 'listed ' || gen_random_uuid(),
    bill_time = date_trunc('day', now(), 'UTC') + (now() - date_trunc('day', now(), 'UTC')) * random();
insert into xdr select * from listed;
analyze xdr;
