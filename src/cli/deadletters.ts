/** `waybill deadletters …`: the operators' actions of the page and the routes, from a shell. */
import { readFile } from "node:fs/promises";
import { InvalidInputError } from "../contract/errors.ts";
import { type DeadLetterFilter, readFilter } from "../deadletter/find/filter.ts";
import { bulkLimits } from "../deadletter/repair/requests.ts";
import { STATES } from "../projector/dead-letters-table.ts";
import { Command, exits, integer, JSON_HELP, Option, position } from "./command.ts";
import { decisionsCommand, redrivesCommand } from "./deadletters-bulk.ts";
import { decideCommand } from "./deadletters-decide.ts";
import { exportCommand } from "./deadletters-export.ts";
import {
  AUTHOR_HELP,
  type Decision,
  DOMAIN_HELP,
  decided,
  filtered,
  type Json,
  LIMIT_HELP,
  ofOne,
  operatorText,
  requireOneChoice,
  type Signed,
  show,
  signed,
  watchRedrive,
} from "./deadletters-options.ts";
import {
  bulkLine,
  dryRunText,
  groupsTable,
  letterText,
  listTable,
  payloadText,
  trialText,
} from "./deadletters-text.ts";
import { transformCommand } from "./deadletters-transform.ts";
import { domainOption } from "./domains.ts";
import { withDesk } from "./open-desk.ts";
import { print } from "./print.ts";
import { Progress } from "./progress.ts";

export function deadlettersCommand() {
  return new Command("deadletters")
    .description("Inspect, redrive, discard and restore dead letters.")
    .addCommand(list())
    .addCommand(groups())
    .addCommand(showOne())
    .addCommand(payload())
    .addCommand(redrive())
    .addCommand(transformCommand())
    .addCommand(redrivesCommand())
    .addCommand(decideCommand("discard", "Discard", "Discard one dead letter, or all open ones that match."))
    .addCommand(decideCommand("restore", "Reopen", "Reopen one discarded dead letter, or all that match."))
    .addCommand(decisionsCommand())
    .addCommand(exportCommand())
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
        requireOneChoice("redrive", at, filter, all);
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
      return detach ? begun : await watchRedrive(desk, begun, progress);
    },
    { appends: true },
  );
  progress.end();
  show(json, bulk, () => bulkLine(bulk));
  return bulk.status === "finished" || detach ? 0 : 1;
}

/** About one screen. */
const LIST_DEFAULT = 50;

/** The maximum of the HTTP route. */
const LIST_MAX = 500;
