/** `waybill deadletters …`: what operators do on the page, from a shell, at the same desk. */
import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { type } from "arktype";
import { InvalidInputError } from "../contract/errors.ts";
import { REJECTION_CODES } from "../contract/rejection.ts";
import type { Desk } from "../deadletter/desk.ts";
import { type DeadLetterFilter, readFilter } from "../deadletter/find/filter.ts";
import { bulkLimits, operatorType } from "../deadletter/repair/requests.ts";
import { STATES } from "../projector/dead-letters-table.ts";
import { Command, exits, InvalidArgumentError, integer, JSON_HELP, position } from "./command.ts";
import {
  bulkLine,
  bulkTable,
  dryRunText,
  groupsTable,
  letterText,
  listTable,
  payloadText,
  trialText,
} from "./deadletters-text.ts";
import { DOMAIN_NAMES, domainName } from "./domains.ts";
import { withDesk } from "./open-desk.ts";
import { print, printJson } from "./print.ts";
import { Progress } from "./progress.ts";

export function deadlettersCommand() {
  return new Command("deadletters")
    .description("look at, redrive, discard and restore what could not be projected")
    .addCommand(list())
    .addCommand(groups())
    .addCommand(showOne())
    .addCommand(payload())
    .addCommand(redrive())
    .addCommand(redrives())
    .addCommand(discard())
    .addCommand(restore())
    .addHelpText(
      "after",
      "\nExit status: 0 done; 1 it could not be done, or would not pass; 2 bad usage or configuration.",
    );
}

function list() {
  return filtered("list", "dead letters, newest first")
    .option("--limit <number>", LIMIT_HELP, integer(1, LIST_MAX), LIST_DEFAULT)
    .option("--before <position>", "the next page: the position that the page before named", position)
    .option("--json", JSON_HELP)
    .action(
      exits(async ({ limit, before, json, ...texts }) => {
        const filter = readFilter(texts);
        const page = await withDesk((desk) => desk.list(filter, limit, before));
        return show(json, page, () => listTable(page));
      }),
    );
}

function groups() {
  return new Command("groups")
    .description("dead letters by their cause")
    .option("--domain <name>", DOMAIN_HELP, domainName)
    .option("--state <state>", STATE_HELP, "open")
    .option("--limit <number>", LIMIT_HELP, integer(1, LIST_MAX), LIST_DEFAULT)
    .option("--json", JSON_HELP)
    .action(
      exits(async ({ limit, json, ...texts }) => {
        const filter = readFilter(texts);
        const overview = await withDesk((desk) => desk.overview(filter, limit));
        return show(json, overview, () => groupsTable(overview));
      }),
    );
}

function showOne() {
  return ofOne("show", "one letter with its payload; personal values are masked")
    .option("--reveal", "show personal values, which is recorded")
    .option("--reason <text>", "why they are revealed", operatorText("reason"))
    .option("--json", JSON_HELP)
    .action(
      exits(async (at, { reveal, json, ...operator }) => {
        const letter = await withDesk((desk) => (reveal ? desk.reveal(at, signed(operator)) : desk.show(at)));
        return show(json, letter, () => letterText(letter));
      }),
    );
}

function payload() {
  return ofOne("payload", "the bytes of a letter, unmasked, which is recorded; a terminal gets them escaped")
    .option("--raw", "the bytes as they are, to a terminal too")
    .option("--reason <text>", "why they are read", operatorText("reason"))
    .action(
      exits(async (at, { raw, ...operator }) => {
        const bytes = await withDesk((desk) => desk.payload(at, signed(operator)));
        if (raw || !process.stdout.isTTY) process.stdout.write(bytes);
        else print(payloadText(bytes));
        return 0;
      }),
    );
}

function redrive() {
  const { least, most, fallback } = bulkLimits;
  return filtered("redrive", "send one letter again, or all open ones that match: one, ten, the rest")
    .argument("[position]", "of the letter; without it, a filter or --all chooses", position)
    .option("--all", "all open letters")
    .option("--payload <file>", "with a position: send what the file holds instead")
    .option("--dry-run", "say what would happen, and change nothing")
    .option("--limit <number>", LIMIT_HELP, integer(least, most), fallback)
    .option("--failures-max <number>", "stop when more than these are dead again", integer(0, most), 0)
    .option("--detach", "do not wait for the end")
    .option("--author <name>", AUTHOR_HELP, operatorText("author"))
    .option("--reason <text>", "why; required for more than one", operatorText("reason"))
    .option("--json", JSON_HELP)
    .action(
      exits(async (at, options) => {
        const { all, payload, dryRun, limit, failuresMax, detach, author, reason, json, ...texts } = options;
        const filter = readFilter(texts);
        const chosen = [at !== undefined, Object.keys(filter).length > 0, all === true].filter(Boolean);
        if (chosen.length !== 1) {
          throw new InvalidInputError("position", "redrive needs one of a position, a filter, and --all");
        }
        if (at !== undefined) {
          const edited = payload === undefined ? undefined : await readFile(payload);
          if (dryRun) return await tryOne(at, edited, json);
          return await redriveOne(at, edited, signed({ author, reason }), json);
        }
        if (payload !== undefined) throw new InvalidInputError("payload", "--payload needs a position");
        if (dryRun) return await tryMany(filter, limit, json);
        return await redriveMany(filter, limit, failuresMax, decided({ author, reason }), detach, json);
      }),
    );
}

async function tryOne(at: bigint, edited: Buffer | undefined, json: Json): Promise<number> {
  const trial = await withDesk((desk) => desk.tryRedrive(at, edited));
  show(json, trial, () => trialText(trial));
  return trial.outcome === "dead" ? 1 : 0;
}

async function redriveOne(at: bigint, edited: Buffer | undefined, operator: Signed, json: Json) {
  const redriven = await withDesk((desk) => desk.redrive(at, edited, operator), { appends: true });
  return show(json, redriven, () => `Redriven: position ${at} is at ${redriven.redrive_position} again.`);
}

async function tryMany(filter: DeadLetterFilter, limit: number, json: Json): Promise<number> {
  using progress = new Progress({ json });
  const onProgress = (done: number, total: number) => progress.show("trying", { done, total });
  const run = await withDesk((desk) => desk.tryRedriveMany(filter, limit, undefined, onProgress));
  progress.end();
  show(json, run, () => dryRunText(run));
  const isEachTried = Object.keys(run.not_run_here).length === 0;
  return run.dead + run.conflict === 0 && isEachTried ? 0 : 1;
}

async function redriveMany(
  filter: DeadLetterFilter,
  limit: number,
  failuresMax: number,
  decision: Decision,
  detach: true | undefined,
  json: Json,
): Promise<number> {
  using progress = new Progress({ json });
  const bulk = await withDesk(
    async (desk) => {
      const begun = await desk.redriveMany(filter, limit, failuresMax, decision);
      return detach ? begun : await watch(desk, begun, progress);
    },
    { appends: true },
  );
  progress.end();
  show(json, bulk, () => bulkLine(bulk));
  return bulk.status === "finished" || detach ? 0 : 1;
}

function redrives() {
  return new Command("redrives")
    .description("bulk redrives, or one of them")
    .argument("[id]", "of one of them", position)
    .option("--cancel", "stop it")
    .option("--author <name>", AUTHOR_HELP, operatorText("author"))
    .option("--reason <text>", "why; required to cancel", operatorText("reason"))
    .option("--json", JSON_HELP)
    .action(
      exits(async (id, { cancel, json, ...operator }) => {
        if (id === undefined) {
          if (cancel) throw new InvalidInputError("id", "--cancel needs the id of a bulk redrive");
          const bulks = await withDesk((desk) => desk.bulks());
          return show(json, bulks, () => bulkTable(bulks.redrives));
        }
        const decision = cancel ? decided(operator) : undefined;
        const bulk = await withDesk((desk) => (decision ? desk.cancel(id, decision) : desk.bulk(id)));
        return show(json, bulk, () => bulkLine(bulk));
      }),
    );
}

function discard() {
  return ofOne("discard", "give a letter up")
    .option("--reason <text>", "why; required", operatorText("reason"))
    .option("--json", JSON_HELP)
    .action(
      exits(async (at, { json, ...operator }) => {
        const done = await withDesk((desk) => desk.discard(at, decided(operator)));
        return show(json, done, () => `Discarded: position ${done.position}.`);
      }),
    );
}

function restore() {
  return ofOne("restore", "open a discarded letter again")
    .option("--reason <text>", "why; required", operatorText("reason"))
    .option("--json", JSON_HELP)
    .action(
      exits(async (at, { json, ...operator }) => {
        const done = await withDesk((desk) => desk.restore(at, decided(operator)));
        return show(json, done, () => `Restored: position ${done.position} is open.`);
      }),
    );
}

/** A command that takes the filters of dead letters. */
function filtered(name: string, description: string) {
  const command = new Command(name)
    .description(description)
    .option("--domain <name>", DOMAIN_HELP, domainName);
  for (const [filter, [value, help]] of Object.entries(FILTERS))
    command.option(`--${filter} <${value}>`, help);
  return command;
}

/** A command about one letter. */
function ofOne(name: string, description: string) {
  return new Command(name)
    .description(description)
    .argument("<position>", "of the letter", position)
    .option("--author <name>", AUTHOR_HELP, operatorText("author"));
}

/** The value of an option that names an operator or a reason. */
function operatorText(name: "author" | "reason") {
  return (text: string): string => {
    const operator = operatorType({ [name]: text });
    if (!(operator instanceof type.errors)) return text;
    throw new InvalidArgumentError(`It must be ${operator[0]?.expected}.`);
  };
}

type Operator = Readonly<{ author?: string | undefined; reason?: string | undefined }>;
type Signed = Readonly<{ author: string; reason?: string }>;
type Decision = Readonly<{ author: string; reason: string }>;
type Json = true | undefined;

/** Who acts is who is at the shell, unless --author says otherwise. */
function signed({ author = userInfo().username, reason }: Operator): Signed {
  return { author, ...(reason === undefined ? {} : { reason }) };
}

function decided(operator: Operator): Decision {
  const { author, reason } = signed(operator);
  if (reason === undefined) throw new InvalidInputError("reason", "--reason is required");
  return { author, reason };
}

type Bulk = Awaited<ReturnType<Desk["bulk"]>>;

/** Waits until a bulk redrive has ended. */
async function watch(desk: Desk, begun: Bulk, progress: Progress): Promise<Bulk> {
  let bulk = begun;
  for (let unchanged = 0; bulk.status === "running"; ) {
    const { updated_at } = bulk;
    await delay(POLL_MS);
    bulk = await desk.bulk(BigInt(bulk.id));
    unchanged = bulk.updated_at === updated_at ? unchanged + 1 : 0;
    const note =
      unchanged * POLL_MS > PATIENCE_MS ? "continues when a service runs" : `${bulk.dead} dead again`;
    progress.show("redriving", { done: bulk.redriven + bulk.skipped, total: bulk.letters, note });
  }
  return bulk;
}

function show(json: Json, document: object, describe: () => string): 0 {
  if (json) printJson(document);
  else print(describe());
  return 0;
}

const DOMAIN_HELP = `letters of one domain: ${DOMAIN_NAMES}`;
const STATE_HELP = STATES.join(", ");

/** The value and the help of each other filter. */
const FILTERS: Readonly<Record<Exclude<keyof DeadLetterFilter, "domain">, [value: string, help: string]>> = {
  state: ["state", STATE_HELP],
  code: ["code", `why it was rejected: ${REJECTION_CODES.join(", ")}`],
  fingerprint: ["digits", "of a group"],
  channel: ["name", "the channel that it came by"],
  path: ["pointer", "a problem there or below, such as /items/#/price"],
  since: ["date", "received then or later"],
  until: ["date", "received earlier"],
  q: ["text", "a text in its payload"],
};

const AUTHOR_HELP = "who does this (default: you)";
const LIMIT_HELP = "how many at most";

/** As many as a terminal shows; the next page is one option away. */
const LIST_DEFAULT = 50;

/** As many as the route gives at once. */
const LIST_MAX = 500;

/** Often enough that the end is noticed at once. */
const POLL_MS = 250;

/** A service takes half a second to notice a redrive. */
const PATIENCE_MS = 5_000;
