-- From the first beneficiary on the dispatcher is told what happens to payers (functions/event_wants.sql).
create or replace trigger accounts_first_beneficiaries after insert on accounts
    referencing new table as new_rows for each statement execute function first_beneficiaries();
