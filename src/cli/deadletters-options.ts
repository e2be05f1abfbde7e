/** Options and rules that the commands on dead letters share. */
import { userInfo } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { type } from "../config/types.ts";
import { InvalidInputError } from "../contract/errors.ts";
import { REJECTION_CODES } from "../contract/rejection.ts";
import type { Desk } from "../deadletter/desk.ts";
import type { DeadLetterFilter } from "../deadletter/find/filter.ts";
import { operatorType } from "../deadletter/repair/requests.ts";
import { STATES } from "../projector/dead-letters-table.ts";
import { Command, InvalidArgumentError, Option, position } from "./command.ts";
import { domainOption } from "./domains.ts";
import { print, printJson } from "./print.ts";
import type { Progress } from "./progress.ts";

export function filtered(name: string, description: string) {
  const command = new Command(name).description(description).addOption(domainOption(DOMAIN_HELP));
  for (const [filter, [value, help, choices]] of Object.entries(FILTERS)) {
    const option = new Option(`--${filter} <${value}>`, help);
    command.addOption(choices ? option.choices(choices) : option);
  }
  return command;
}

export function ofOne(name: string, description: string) {
  return new Command(name)
    .description(description)
    .argument("<position>", "position of the dead letter", position)
    .option("--author <name>", AUTHOR_HELP, operatorText("author"));
}

/** The parser of an author or a reason, with the rule of the HTTP routes. */
export function operatorText(name: "author" | "reason") {
  return (text: string): string => {
    const operator = operatorType({ [name]: text });
    if (!(operator instanceof type.errors)) return text;
    throw new InvalidArgumentError(`It must be ${operator[0]?.expected}.`);
  };
}

type Operator = Readonly<{ author?: string | undefined; reason?: string | undefined }>;
export type Signed = Readonly<{ author: string; reason?: string }>;
export type Decision = Readonly<{ author: string; reason: string }>;
export type Json = true | undefined;

/** The author is the user of the shell by default. */
export function signed({ author = userInfo().username, reason }: Operator): Signed {
  return { author, ...(reason === undefined ? {} : { reason }) };
}

export function decided(operator: Operator): Decision {
  const { author, reason } = signed(operator);
  if (reason === undefined) throw new InvalidInputError("reason", "--reason is required");
  return { author, reason };
}

type Bulk = Readonly<{ id: string; status: string; updated_at: string }>;

/** Polls until it ends. @param report gets a note if no service works on it. */
export async function watch<B extends Bulk>(
  begun: B,
  read: (id: bigint) => Promise<B>,
  report: (bulk: B, note?: string) => void,
): Promise<B> {
  let bulk = begun;
  for (let unchanged = 0; bulk.status === "running"; ) {
    const { updated_at } = bulk;
    await delay(POLL_MS);
    bulk = await read(BigInt(bulk.id));
    unchanged = bulk.updated_at === updated_at ? unchanged + 1 : 0;
    const isIdle = unchanged * POLL_MS > PATIENCE_MS;
    report(bulk, isIdle ? "waiting for a running service" : undefined);
  }
  return bulk;
}

type Redrive = Awaited<ReturnType<Desk["bulk"]>>;

export function watchRedrive(desk: Desk, begun: Redrive, progress: Progress): Promise<Redrive> {
  return watch(
    begun,
    (id) => desk.bulk(id),
    ({ redriven, skipped, left_open = 0, letters, dead }, note = `${dead} failed again`) =>
      progress.show("redriving", { done: redriven + skipped + left_open, total: letters, note }),
  );
}

export function requireOneChoice(
  command: string,
  at: bigint | undefined,
  filter: DeadLetterFilter,
  all: true | undefined,
): void {
  const chosen = [at !== undefined, Object.keys(filter).length > 0, all === true].filter(Boolean);
  if (chosen.length === 1) return;
  throw new InvalidInputError("position", `${command} needs exactly one of a position, a filter and --all`);
}

export function show(json: Json, document: object, describe: () => string): 0 {
  if (json) printJson(document);
  else print(describe());
  return 0;
}

export const DOMAIN_HELP = "domain";

/** Without `--domain`. */
const FILTERS: Readonly<
  Record<
    Exclude<keyof DeadLetterFilter, "domain">,
    [value: string, help: string, choices?: readonly string[]]
  >
> = {
  state: ["state", "state", STATES],
  code: ["code", "rejection code", REJECTION_CODES],
  fingerprint: ["digits", "fingerprint of a group"],
  channel: ["name", "channel that delivered it"],
  path: ["pointer", "a problem at or below this path, such as /items/#/price"],
  since: ["date", "received at or after"],
  until: ["date", "received before"],
  q: ["text", "text in the payload"],
  positions: ["list", "these positions, such as 17,18,21"],
};

export const AUTHOR_HELP = "your name (default: your login)";
export const LIMIT_HELP = "most dead letters";

/** The end shows without a visible delay. */
const POLL_MS = 250;

/** A running service starts bulk work within half a second. */
const PATIENCE_MS = 5_000;
