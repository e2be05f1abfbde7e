revoke all on ledger_entries, ledger_accounts from :service_role;
grant select, insert on ledger_entries to :service_role;
grant select, insert, update on ledger_accounts to :service_role;
