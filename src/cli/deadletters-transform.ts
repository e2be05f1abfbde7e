/** `waybill deadletters transform`: the same steps for many dead letters, tried or run. */
import { readFile } from "node:fs/promises";
import { InvalidInputError } from "../contract/errors.ts";
import { parseExactly } from "../contract/values/exact-json.ts";
import { type DeadLetterFilter, readFilter } from "../deadletter/find/filter.ts";
import { transformLimits } from "../deadletter/repair/requests.ts";
import { readSteps, type Step } from "../deadletter/transform/steps.ts";
import { exits, InvalidArgumentError, integer, JSON_HELP } from "./command.ts";
import {
  AUTHOR_HELP,
  type Decision,
  decided,
  filtered,
  type Json,
  LIMIT_HELP,
  operatorText,
  requireOneChoice,
  show,
  watchRedrive,
} from "./deadletters-options.ts";
import { bulkLine } from "./deadletters-text.ts";
import { previewText, transformTrialText } from "./deadletters-transform-text.ts";
import { withDesk } from "./open-desk.ts";
import { Progress } from "./progress.ts";

export function transformCommand() {
  const { least, most, fallback } = transformLimits;
  return filtered(
    "transform",
    "Apply the same steps to all open dead letters that match, in the order of the options, and redrive them. Without --yes it only reports what would happen.",
  )
    .option("--all", "all open dead letters")
    .option("--set <path=value>", "set a member; the value is JSON, otherwise text", placed(setStep), [])
    .option("--remove <path>", "remove a member or an item", placed(removeStep), [])
    .option("--rename <path=name>", "rename a member", placed(renameStep), [])
    .option("--cast <path=type>", "to number, integer, string, boolean or json", placed(castStep), [])
    .option("--jsonata <expression>", "replace the document by a JSONata result", placed(jsonataStep), [])
    .option("--file <file>", "a JSON list of steps, which come first")
    .option("--preview", "show the changes of five letters")
    .option("--dry-run", "report what would happen, change nothing (default)")
    .option("--yes", "transform and redrive: first one, then ten, then the rest")
    .option("--limit <number>", LIMIT_HELP, integer(least, most), fallback)
    .option("--failures-max <number>", "stop if more than this number fail again", integer(0, most), 0)
    .option("--detach", "do not wait until the redrive ends")
    .option("--author <name>", AUTHOR_HELP, operatorText("author"))
    .option("--reason <text>", "reason; required with --yes", operatorText("reason"))
    .option("--json", JSON_HELP)
    .addHelpText("after", EXAMPLES)
    .action(
      exits(async (options) => {
        const { all, set, remove, rename, cast, jsonata, file, preview, dryRun, yes, ...rest } = options;
        const { limit, failuresMax, detach, author, reason, json, ...texts } = rest;
        const filter = readFilter(texts);
        requireOneChoice("transform", undefined, filter, all);
        if ([preview, dryRun, yes].filter(Boolean).length > 1) {
          throw new InvalidInputError("yes", "--preview, --dry-run and --yes exclude each other");
        }
        const steps = await readAll(file, [...set, ...remove, ...rename, ...cast, ...jsonata]);
        if (preview) return await previewFew(filter, steps, json);
        if (!yes) return await tryAll(filter, steps, limit, json);
        return await run(filter, steps, limit, failuresMax, decided({ author, reason }), detach, json);
      }),
    );
}

async function previewFew(filter: DeadLetterFilter, steps: readonly Step[], json: Json): Promise<number> {
  const preview = await withDesk((desk) => desk.transforms.preview(filter, steps, SAMPLES));
  return show(json, preview, () => previewText(preview));
}

async function tryAll(
  filter: DeadLetterFilter,
  steps: readonly Step[],
  limit: number,
  json: Json,
): Promise<number> {
  using progress = new Progress({ json });
  const onProgress = (done: number, total: number) => progress.show("trying", { done, total });
  const trial = await withDesk((desk) => desk.transforms.dryRun(filter, steps, limit, undefined, onProgress));
  progress.end();
  show(json, trial, () => transformTrialText(trial));
  return trial.projected + trial.duplicate === trial.letters ? 0 : 1;
}

async function run(
  filter: DeadLetterFilter,
  steps: readonly Step[],
  limit: number,
  failuresMax: number,
  decision: Decision,
  detach: true | undefined,
  json: Json,
): Promise<number> {
  using progress = new Progress({ json });
  const bulk = await withDesk(
    async (desk) => {
      const begun = await desk.redriveMany(filter, limit, failuresMax, decision, steps);
      return detach ? begun : await watchRedrive(desk, begun, progress);
    },
    { appends: true },
  );
  progress.end();
  show(json, bulk, () => bulkLine(bulk));
  return (bulk.status === "finished" && !bulk.left_open) || detach ? 0 : 1;
}

type Placed = Readonly<{ place: number; step: object }>;

/** Commander keeps a list for each option; the place restores the order among all of them. */
function placed(read: (text: string) => object) {
  return (text: string, before: readonly Placed[]): readonly Placed[] => [
    ...before,
    { place: nextPlace++, step: read(text) },
  ];
}

let nextPlace = 0;

/** @throws InvalidInputError */
async function readAll(file: string | undefined, given: readonly Placed[]): Promise<readonly Step[]> {
  const sorted = given.toSorted((one, other) => one.place - other.place).map(({ step }) => step);
  const steps = readSteps([...(file === undefined ? [] : await readFromFile(file)), ...sorted]);
  if (steps.length > 0) return steps;
  throw new InvalidInputError(
    "steps",
    "transform needs a step: --set, --remove, --rename, --cast, --jsonata or --file",
  );
}

async function readFromFile(file: string): Promise<unknown[]> {
  const text = await readFile(file, "utf8");
  try {
    const steps = parseExactly(text);
    if (Array.isArray(steps)) return steps;
  } catch {
    // It is not JSON.
  }
  throw new InvalidInputError("file", `${file} must be a JSON list of steps`);
}

const removeStep = (path: string) => ({ op: "remove", path });
const jsonataStep = (expression: string) => ({ op: "jsonata", expression });

function setStep(text: string): object {
  const { path, value } = split(text);
  try {
    return { op: "set", path, value: parseExactly(value) };
  } catch {
    return { op: "set", path, value };
  }
}

function renameStep(text: string): object {
  const { path, value } = split(text);
  return { op: "rename", path, to: value };
}

function castStep(text: string): object {
  const { path, value } = split(text);
  return { op: "cast", path, to: value };
}

function split(text: string): { path: string; value: string } {
  const at = text.indexOf("=");
  if (at < 0) throw new InvalidArgumentError("It must be a path and a value, such as /items/#/price=12.");
  return { path: text.slice(0, at), value: text.slice(at + 1) };
}

const EXAMPLES = `
A path is a JSON pointer; # stands for every item of an array. Numbers keep their digits.
  --cast /payment/amount=number --rename /items/#/prise=price --set /locale=en`;

const SAMPLES = 5;
