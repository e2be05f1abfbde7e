/** Each statement returns the rows after position `$1` that break a rule; 0 checks everything. */
import type { AuditCheck } from "../../contract/domain.ts";

const PREVIOUS = `
  left join lateral (
    select balance_after, sequence from wallet_postings as earlier
    where (earlier.owner, earlier.currency, earlier.kind) = (posting.owner, posting.currency, posting.kind)
      and (earlier.position, earlier.sequence) < (posting.position, posting.sequence)
    order by position desc, sequence desc limit 1
  ) as previous on true`;

const LAST = `
  left join lateral (
    select balance_after, sequence, position from wallet_postings as latest
    where (latest.owner, latest.currency, latest.kind) = (account.owner, account.currency, account.kind)
    order by position desc, sequence desc limit 1
  ) as last on true`;

export const WALLET_CHECKS: readonly AuditCheck[] = [
  {
    name: "postings_sum_to_zero",
    sql: `select position, 'the postings of this position in ' || currency || ' do not sum to 0' as detail
          from wallet_postings where position > $1::bigint group by position, currency having sum(amount) <> 0`,
  },
  {
    name: "accounts_sum_to_zero",
    sql: `select max(position) as position, 'the accounts in ' || currency || ' do not sum to 0' as detail
          from wallet_accounts where $1::bigint is not null group by currency having sum(balance) <> 0`,
  },
  {
    name: "balances_follow_postings",
    sql: `select posting.position, 'a balance in ' || posting.currency || ' is not the previous balance plus the amount' as detail
          from wallet_postings as posting ${PREVIOUS}
          where posting.position > $1::bigint
            and posting.balance_after <> coalesce(previous.balance_after, 0) + posting.amount`,
  },
  {
    name: "postings_without_gap",
    sql: `select posting.position, 'a posting in ' || posting.currency || ' before this one is missing' as detail
          from wallet_postings as posting ${PREVIOUS}
          where posting.position > $1::bigint and posting.sequence <> coalesce(previous.sequence, 0) + 1`,
  },
  {
    name: "accounts_equal_last_posting",
    sql: `select account.position, 'an account in ' || account.currency || ' differs from its last posting' as detail
          from wallet_accounts as account ${LAST}
          where (account.position > $1::bigint or $1::bigint = 0)
            and (account.balance, account.sequence, account.position)
              is distinct from (last.balance_after, last.sequence, last.position)`,
  },
  {
    name: "postings_have_accounts",
    sql: `select max(posting.position) as position, 'postings in ' || posting.currency || ' have no account' as detail
          from wallet_postings as posting left join wallet_accounts as account using (owner, currency, kind)
          where posting.position > $1::bigint and account.owner is null group by posting.currency`,
  },
  {
    name: "no_negative_balance",
    sql: `select position, 'a balance in ' || currency || ' is below 0' as detail
          from wallet_postings where position > $1::bigint and balance_after < 0 and owner <> 'external'`,
  },
  {
    name: "held_is_sum_of_open_holds",
    sql: `select account.position, 'the held balance in ' || account.currency || ' is not the sum of the open holds' as detail
          from wallet_accounts as account
          where account.kind = 'held' and (account.position > $1::bigint or $1::bigint = 0)
            and account.balance <> (
              select coalesce(sum(remaining), 0) from wallet_holds as hold
              where (hold.owner, hold.currency) = (account.owner, account.currency) and hold.status = 'open')`,
  },
  {
    name: "holds_have_accounts",
    sql: `select hold.position, 'a hold in ' || hold.currency || ' has no account' as detail
          from wallet_holds as hold
          where hold.position > $1::bigint and not exists (
            select from wallet_accounts as account
            where (account.owner, account.currency, account.kind) = (hold.owner, hold.currency, 'held'))`,
  },
  {
    name: "succeeded_has_postings",
    sql: `select position, 'a transaction and its postings do not agree on whether it succeeded' as detail
          from (select position, reason is null and type not in ('currency.put', 'tick') as moves
                from wallet_transactions where position > $1::bigint) as transaction
          full join (select distinct position from wallet_postings
                     where position > $1::bigint and cause = 'command') as posted using (position)
          where coalesce(moves, false) <> (posted.position is not null)`,
  },
  {
    name: "reversals_within_original",
    sql: `select reversal.position, 'more is reversed than was moved' as detail
          from wallet_transactions as reversal join wallet_transactions as original
            on original.position = reversal.original_position
          where reversal.position > $1::bigint and reversal.reversed_total > original.amount`,
  },
];
