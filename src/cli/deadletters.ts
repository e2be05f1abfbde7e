/** `waybill deadletters …`: what operators do on the page, from a shell, at the same desk. */
import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { type } from "arktype";
import type { Config } from "../config/config.ts";
import { InvalidInputError } from "../contract/errors.ts";
import { Database } from "../database/database.ts";
import { Jobs } from "../database/jobs.ts";
import { createDesk, type Desk } from "../deadletter/desk.ts";
import { type DeadLetterFilter, readFilter } from "../deadletter/find/filter.ts";
import { bulkLimits, operatorType } from "../deadletter/repair/requests.ts";
import { DOMAINS } from "../domains/index.ts";
import { Wakeups } from "../projector/wakeups.ts";
import { createLogger } from "../telemetry/logger.ts";
import {
  bulkLine,
  bulkTable,
  dryRunText,
  groupsTable,
  letterText,
  listTable,
  trialText,
} from "./deadletters-text.ts";
import { ProgressLine, print, printJson } from "./print.ts";

export type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

const FILTERS = ["state", "code", "fingerprint", "channel", "path", "since", "until", "q"] as const;

export const DEADLETTERS_OPTIONS = {
  ...(Object.fromEntries(FILTERS.map((name) => [name, { type: "string" }])) as Record<
    string,
    { type: "string" }
  >),
  limit: { type: "string" },
  before: { type: "string" },
  reveal: { type: "boolean" },
  payload: { type: "string" },
  all: { type: "boolean" },
  "dry-run": { type: "boolean" },
  "failures-max": { type: "string" },
  cancel: { type: "boolean" },
  detach: { type: "boolean" },
  author: { type: "string" },
  reason: { type: "string" },
} as const;

export const DEADLETTERS_USAGE = `Usage: npm run waybill -- deadletters <verb> [options]

  list                            dead letters, newest first
  groups                          the same by their cause
  show POSITION [--reveal]        one, with its payload; personal values are masked unless revealed, which is recorded
  payload POSITION                its bytes, unmasked, to standard output; that, too, is recorded
  redrive POSITION                send one again; --payload FILE sends what the file holds instead
  redrive <filters> | --all       send all open ones that match again: one, ten, the rest; --detach does not wait
  redrives [ID] [--cancel]        bulk redrives, or one of them
  discard POSITION, restore POSITION

Filters:  --state open|redriven|discarded, --code, --fingerprint, --channel, --path POINTER, --since, --until,
          --q TEXT (in the payload)
Options:  --limit N, --before POSITION (the next page), --failures-max N (how many may die again, 0),
          --dry-run (says what would happen), --author NAME (you, by default), --reason TEXT, --json
Exit status: 0 done; 1 it could not be done, or would not pass; 2 bad usage or configuration.`;

/** @returns the exit status. @throws InvalidInputError for bad usage. */
export async function deadletters(
  config: Config,
  values: Values,
  positionals: readonly string[],
): Promise<number> {
  const [verb = "", subject, ...more] = positionals;
  const command = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  if (!command) {
    throw new InvalidInputError(
      "verb",
      verb === "" ? "a verb is needed" : `deadletters has no verb "${verb}"`,
    );
  }
  if (more.length > 0) throw new InvalidInputError("arguments", `"${more[0]}" is too much`);
  const logger = createLogger("silent");
  const database = new Database(config.databaseUrl, { connectionsMax: CONNECTIONS, logger });
  const jobs = new Jobs(database, logger);
  const wakeups = new Wakeups(jobs);
  const desk = createDesk({
    database,
    reads: database,
    domains: DOMAINS,
    jobs,
    enqueueWakeup: (...wakeup) => wakeups.enqueue(...wakeup),
    // The projector is in the service; the job wakes it.
    onAppended: () => {},
  });
  try {
    if (verb === "redrive" && !values["dry-run"]) await jobs.start();
    return await command(desk, values, subject);
  } finally {
    await jobs.stop();
    await database.close();
  }
}

type Verb = (desk: Desk, values: Values, subject: string | undefined) => Promise<number>;

const VERBS: Readonly<Record<string, Verb>> = {
  list: async (desk, values) => {
    const before = text(values, "before");
    const limit = numberOf(values, "limit", 50, 500);
    const page = await desk.list(filterOf(values), limit, before ? positionOf(before, "before") : undefined);
    show(values, page, () => listTable(page));
    return 0;
  },
  groups: async (desk, values) => {
    const { state = "open" } = filterOf(values);
    const overview = await desk.overview(state, numberOf(values, "limit", 50, 500));
    show(values, overview, () => groupsTable(overview));
    return 0;
  },
  show: async (desk, values, subject) => {
    const position = positionOf(subject);
    const letter = values.reveal
      ? await desk.reveal(position, operatorOf(values))
      : await desk.show(position);
    show(values, letter, () => letterText(letter));
    return 0;
  },
  payload: async (desk, values, subject) => {
    process.stdout.write(await desk.payload(positionOf(subject), operatorOf(values)));
    return 0;
  },
  redrive: async (desk, values, subject) => {
    if (subject === undefined) return redriveMany(desk, values);
    const position = positionOf(subject);
    const file = text(values, "payload");
    const payload = file === undefined ? undefined : await readFile(file);
    if (values["dry-run"]) {
      const trial = await desk.tryRedrive(position, payload);
      show(values, trial, () => trialText(trial));
      return trial.outcome === "dead" ? 1 : 0;
    }
    const redriven = await desk.redrive(position, payload, operatorOf(values));
    show(values, redriven, () => `Redriven: position ${position} is at ${redriven.redrive_position} again.`);
    return 0;
  },
  redrives: async (desk, values, subject) => {
    if (subject === undefined) {
      const bulks = await desk.bulks();
      show(values, bulks, () => bulkTable(bulks.redrives));
      return 0;
    }
    const id = positionOf(subject, "ID");
    const bulk = values.cancel ? await desk.cancel(id, decisionOf(values)) : await desk.bulk(id);
    show(values, bulk, () => bulkLine(bulk));
    return 0;
  },
  discard: async (desk, values, subject) => {
    const done = await desk.discard(positionOf(subject), decisionOf(values));
    show(values, done, () => `Discarded: position ${done.position}.`);
    return 0;
  },
  restore: async (desk, values, subject) => {
    const done = await desk.restore(positionOf(subject), decisionOf(values));
    show(values, done, () => `Restored: position ${done.position} is open.`);
    return 0;
  },
};

async function redriveMany(desk: Desk, values: Values): Promise<number> {
  const filter = filterOf(values);
  if (Object.keys(filter).length === 0 && !values.all) {
    throw new InvalidInputError("arguments", "redrive needs a position, a filter, or --all");
  }
  const limit = numberOf(values, "limit", bulkLimits.fallback, bulkLimits.most);
  const progress = new ProgressLine();
  if (values["dry-run"]) {
    const run = await desk.tryRedriveMany(filter, limit, undefined, (done, of) =>
      progress.show(`tried ${done} of ${of}`),
    );
    progress.end();
    show(values, run, () => dryRunText(run));
    return run.dead + run.conflict > 0 ? 1 : 0;
  }
  const failuresMax = numberOf(values, "failures-max", 0, bulkLimits.most);
  let bulk = await desk.redriveMany(filter, limit, failuresMax, decisionOf(values));
  const id = BigInt(bulk.id);
  for (let unchanged = 0; bulk.status === "running" && !values.detach; ) {
    const { updated_at } = bulk;
    await delay(POLL_MS);
    bulk = await desk.bulk(id);
    unchanged = bulk.updated_at === updated_at ? unchanged + 1 : 0;
    const waiting = unchanged * POLL_MS > PATIENCE_MS ? "; it goes on when a service runs" : "";
    progress.show(`${bulkLine(bulk)}${waiting}`);
  }
  progress.end();
  show(values, bulk, () => bulkLine(bulk));
  return bulk.status === "finished" || values.detach ? 0 : 1;
}

function show(values: Values, document: object, describe: () => string): void {
  if (values.json) printJson(document);
  else print(describe());
}

function filterOf(values: Values): DeadLetterFilter {
  return readFilter(
    Object.fromEntries(FILTERS.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]]]))),
  );
}

/** Who acts is who is at the shell, unless said otherwise. */
function operatorOf(values: Values) {
  const given = {
    author: text(values, "author") ?? userInfo().username,
    ...(values.reason === undefined ? {} : { reason: values.reason }),
  };
  const operator = operatorType(given);
  if (!(operator instanceof type.errors)) return operator;
  const name = String(operator[0]?.path[0]);
  throw new InvalidInputError(name, `--${name} must be ${operator[0]?.expected}`);
}

function decisionOf(values: Values): { author: string; reason: string } {
  const { author = "", reason } = operatorOf(values);
  if (reason === undefined) throw new InvalidInputError("reason", "--reason is needed: why?");
  return { author, reason };
}

function positionOf(given: string | undefined, name = "POSITION"): bigint {
  if (given !== undefined && /^[1-9]\d{0,17}$/.test(given)) return BigInt(given);
  throw new InvalidInputError(name, `${name} must be a whole number from 1 up`);
}

function numberOf(values: Values, name: string, fallback: number, most: number): number {
  const given = text(values, name);
  if (given === undefined) return fallback;
  if (/^\d{1,9}$/.test(given) && Number(given) <= most && (name !== "limit" || Number(given) > 0)) {
    return Number(given);
  }
  throw new InvalidInputError(name, `--${name} must be a whole number up to ${most}`);
}

function text(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

/** One for the command, one for pg-boss, and one for reading within a transaction. */
const CONNECTIONS = 3;
const POLL_MS = 250;

/** A service takes half a second to notice. */
const PATIENCE_MS = 5_000;
