-- What the service's role may do with the tables of the wallet, and nothing else.
revoke all on wallet_transactions, wallet_postings, wallet_accounts, wallet_holds, wallet_currencies from :service_role;
grant select, insert on wallet_transactions, wallet_postings to :service_role;
grant select, insert, update on wallet_accounts, wallet_holds, wallet_currencies to :service_role;
