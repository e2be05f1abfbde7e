/** `waybill deadletters …`: the operators' actions of the page and the routes, from a shell. */
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
import { Command, exits, InvalidArgumentError, integer, JSON_HELP, Option, position } from "./command.ts";
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
import { domainOption } from "./domains.ts";
import { withDesk } from "./open-desk.ts";
import { print, printJson } from "./print.ts";
import { Progress } from "./progress.ts";

export function deadlettersCommand() {
  return new Command("deadletters")
    .description("Inspect, redrive, discard and restore dead letters.")
    .addCommand(list())
    .addCommand(groups())
    .addCommand(showOne())
    .addCommand(payload())
    .addCommand(redrive())
    .addCommand(redrives())
    .addCommand(discard())
    .addCommand(restore())
    .addHelpText("after", "\nExit status: 0 done; 1 failed, or would fail; 2 bad usage or configuration.");
}

function list() {
  return filtered("list", "List dead letters, newest first.")
    .option("--limit <number>", LIMIT_HELP, integer(1, LIST_MAX), LIST_DEFAULT)
    .option(
      "--before <position>",
      "only older ones than this position, which the page before printed",
      position,
    )
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
    .description("List dead letters grouped by cause.")
    .addOption(domainOption(DOMAIN_HELP))
    .addOption(new Option("--state <state>", "state").choices(STATES).default("open"))
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
  return ofOne("show", "Show a dead letter with its payload, personal data masked.")
    .option("--reveal", "reveal personal data; the access is recorded")
    .option("--reason <text>", "reason of the access", operatorText("reason"))
    .option("--json", JSON_HELP)
    .action(
      exits(async (at, { reveal, json, ...operator }) => {
        const letter = await withDesk((desk) => (reveal ? desk.reveal(at, signed(operator)) : desk.show(at)));
        return show(json, letter, () => letterText(letter));
      }),
    );
}

function payload() {
  return ofOne("payload", "Print the unmasked payload; the access is recorded. On a terminal it is escaped.")
    .option("--raw", "print the bytes unescaped on a terminal, too")
    .option("--reason <text>", "reason of the access", operatorText("reason"))
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
  return filtered(
    "redrive",
    "Redrive one dead letter, or all open ones that match: first one, then ten, then the rest.",
  )
    .argument("[position]", "position of the dead letter; otherwise use a filter or --all", position)
    .option("--all", "all open dead letters")
    .option("--payload <file>", "with a position: redrive the content of this file instead")
    .option("--dry-run", "report what would happen, change nothing")
    .option("--limit <number>", LIMIT_HELP, integer(least, most), fallback)
    .option("--failures-max <number>", "stop if more than this number fail again", integer(0, most), 0)
    .option("--detach", "do not wait until the redrive ends")
    .option("--author <name>", AUTHOR_HELP, operatorText("author"))
    .option("--reason <text>", "reason; required for more than one", operatorText("reason"))
    .option("--json", JSON_HELP)
    .action(
      exits(async (at, options) => {
        const { all, payload, dryRun, limit, failuresMax, detach, author, reason, json, ...texts } = options;
        const filter = readFilter(texts);
        const chosen = [at !== undefined, Object.keys(filter).length > 0, all === true].filter(Boolean);
        if (chosen.length !== 1) {
          throw new InvalidInputError(
            "position",
            "redrive needs exactly one of a position, a filter and --all",
          );
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
  return show(json, redriven, () => `Redriven: position ${at} as ${redriven.redrive_position}.`);
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
    .description("List bulk redrives, or show one.")
    .argument("[id]", "id of a bulk redrive", position)
    .option("--cancel", "cancel it")
    .option("--author <name>", AUTHOR_HELP, operatorText("author"))
    .option("--reason <text>", "reason; required to cancel", operatorText("reason"))
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
  return ofOne("discard", "Discard a dead letter.")
    .option("--reason <text>", "reason; required", operatorText("reason"))
    .option("--json", JSON_HELP)
    .action(
      exits(async (at, { json, ...operator }) => {
        const done = await withDesk((desk) => desk.discard(at, decided(operator)));
        return show(json, done, () => `Discarded: position ${done.position}.`);
      }),
    );
}

function restore() {
  return ofOne("restore", "Reopen a discarded dead letter.")
    .option("--reason <text>", "reason; required", operatorText("reason"))
    .option("--json", JSON_HELP)
    .action(
      exits(async (at, { json, ...operator }) => {
        const done = await withDesk((desk) => desk.restore(at, decided(operator)));
        return show(json, done, () => `Restored: position ${done.position} is open.`);
      }),
    );
}

function filtered(name: string, description: string) {
  const command = new Command(name).description(description).addOption(domainOption(DOMAIN_HELP));
  for (const [filter, [value, help, choices]] of Object.entries(FILTERS)) {
    const option = new Option(`--${filter} <${value}>`, help);
    command.addOption(choices ? option.choices(choices) : option);
  }
  return command;
}

function ofOne(name: string, description: string) {
  return new Command(name)
    .description(description)
    .argument("<position>", "position of the dead letter", position)
    .option("--author <name>", AUTHOR_HELP, operatorText("author"));
}

/** The parser of an author or a reason, with the rule of the HTTP routes. */
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

/** The author is the user of the shell by default. */
function signed({ author = userInfo().username, reason }: Operator): Signed {
  return { author, ...(reason === undefined ? {} : { reason }) };
}

function decided(operator: Operator): Decision {
  const { author, reason } = signed(operator);
  if (reason === undefined) throw new InvalidInputError("reason", "--reason is required");
  return { author, reason };
}

type Bulk = Awaited<ReturnType<Desk["bulk"]>>;

async function watch(desk: Desk, begun: Bulk, progress: Progress): Promise<Bulk> {
  let bulk = begun;
  for (let unchanged = 0; bulk.status === "running"; ) {
    const { updated_at } = bulk;
    await delay(POLL_MS);
    bulk = await desk.bulk(BigInt(bulk.id));
    unchanged = bulk.updated_at === updated_at ? unchanged + 1 : 0;
    const note =
      unchanged * POLL_MS > PATIENCE_MS ? "waiting for a running service" : `${bulk.dead} failed again`;
    progress.show("redriving", { done: bulk.redriven + bulk.skipped, total: bulk.letters, note });
  }
  return bulk;
}

function show(json: Json, document: object, describe: () => string): 0 {
  if (json) printJson(document);
  else print(describe());
  return 0;
}

const DOMAIN_HELP = "domain";

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

const AUTHOR_HELP = "your name (default: your login)";
const LIMIT_HELP = "most dead letters";

/** About one screen. */
const LIST_DEFAULT = 50;

/** The maximum of the HTTP route. */
const LIST_MAX = 500;

/** The end shows without a visible delay. */
const POLL_MS = 250;

/** A running service starts a redrive within half a second. */
const PATIENCE_MS = 5_000;
