/** Dead letters as text for a terminal. */
import { isUtf8 } from "node:buffer";
import type { Desk } from "../deadletter/desk.ts";
import { tableOf, visible, visibleLines } from "./print.ts";

type Method = Exclude<keyof Desk, "messages" | "transforms" | "decisions">;
type Answer<Name extends Method> = Awaited<ReturnType<Desk[Name]>>;
type BulkDecision = Awaited<ReturnType<Desk["decisions"]["show"]>>;
type ListedProblem = Answer<"list">["deadletters"][number]["errors"][number];

export function listTable({ deadletters, next, searched, total }: Answer<"list">): string {
  const table = tableOf(
    ["POSITION", "DOMAIN", "RECEIVED", "STATE", "CODE", "CHANNEL", "BYTES", "PROBLEM"],
    deadletters.map((letter) => [
      letter.position,
      letter.domain,
      letter.received_at,
      letter.state,
      letter.code,
      letter.channel,
      letter.payload_bytes,
      firstProblem(letter.errors, letter.error_count),
    ]),
  );
  const scope = searched === undefined ? "" : ` (${searched} dead letters were searched)`;
  const more = next === null ? "" : `\nMore: --before ${next}`;
  const sum = total ? `\n${deadletters.length} of ${totalText(total)}` : "";
  return deadletters.length === 0
    ? `No dead letter matches${scope}.${more}`
    : `${table}${sum}${more}${scope}`;
}

function totalText({ letters, is_exact }: NonNullable<Answer<"list">["total"]>): string {
  return `${is_exact ? "" : "more than "}${letters}`;
}

export function groupsTable({ groups, totals, oldest_open }: Answer<"overview">): string {
  const table = tableOf(
    ["DOMAIN", "FINGERPRINT", "COUNT", "SHARE", "CODE", "FIRST SEEN", "LAST SEEN", "SAMPLE", "PROBLEM", ""],
    groups.map((group) => [
      group.domain,
      group.fingerprint,
      group.count,
      `${(group.share * 100).toFixed(1)} %`,
      group.code,
      group.first_seen,
      group.last_seen,
      group.sample,
      firstProblem(group.causes, group.cause_count),
      group.came_back_after ? `failed again after a redrive on ${group.came_back_after}` : "",
    ]),
  );
  const oldest = oldest_open
    ? `; the oldest is position ${oldest_open.position} of ${oldest_open.received_at}`
    : "";
  const sum = `open ${totals.open}, redriven ${totals.redriven}, discarded ${totals.discarded}${oldest}`;
  return groups.length === 0 ? `No dead letters (${sum}).` : `${table}\n${sum}`;
}

export function letterText(letter: Answer<"show">): string {
  const { payload } = letter;
  const facts = tableOf(
    [],
    [
      ["position", letter.position],
      ["state", letter.state],
      ["code", letter.code],
      ["fingerprint", letter.fingerprint],
      [
        "received",
        `${letter.received_at} from ${letter.source}, channel ${letter.channel}, id ${letter.message_id}`,
      ],
      ...("with" in letter ? [["with", JSON.stringify(letter.with)]] : []),
      ...("redrive_of" in letter ? [["redrive of", letter.redrive_of]] : []),
      ...("redriven_as" in letter
        ? [["redriven as", `${letter.redriven_as?.position} (${letter.redriven_as?.outcome})`]]
        : []),
      ["payload", `${payload.bytes} bytes${payload.is_masked ? ", personal data masked (--reveal)" : ""}`],
    ],
  );
  const content =
    payload.encoding === "base64"
      ? hexDump(Buffer.from(payload.content, "base64"), payload.offset)
      : visibleLines(payload.content);
  return [
    facts,
    "",
    problemsTable(letter.errors),
    "",
    content + (payload.is_whole ? "" : "\n… (truncated)"),
    ...(letter.actions.length === 0 ? [] : ["", actionsTable(letter.actions)]),
  ].join("\n");
}

export function trialText(trial: Answer<"tryRedrive">): string {
  const original = trial.original_position === undefined ? "" : ` of position ${trial.original_position}`;
  if (trial.outcome !== "dead") return `It would be ${trial.outcome}${original}.`;
  return `It would fail again: ${trial.code}${original}.\n${problemsTable(trial.errors)}`;
}

export function dryRunText(run: Answer<"tryRedriveMany">): string {
  const sum = `${run.letters} dead letters: ${run.projected} would be processed, ${run.duplicate} duplicates, ${run.conflict} conflicts, ${run.dead} would fail again.`;
  const skipped = Object.entries(run.not_run_here)
    .map(
      ([domain, letters]) =>
        `\nNot tried: ${letters} of the domain ${domain}, which this process does not run.`,
    )
    .join("");
  if (run.failures.length === 0) return sum + skipped;
  const failures = tableOf(
    ["DOMAIN", "FINGERPRINT", "COUNT", "CODE", "SAMPLE", "PROBLEM"],
    run.failures.map(({ domain, fingerprint, count, code, sample, errors }) => [
      domain,
      fingerprint,
      count,
      code,
      sample,
      firstProblem(errors, errors.length),
    ]),
  );
  return `${sum}${skipped}\n${failures}`;
}

export function bulkTable(bulks: Answer<"bulks">["redrives"]): string {
  if (bulks.length === 0) return "No bulk redrives.";
  return tableOf(
    [
      "ID",
      "STARTED",
      "STATUS",
      "DONE",
      "PROCESSED",
      "DUPLICATE",
      "FAILED AGAIN",
      "SKIPPED",
      "AUTHOR",
      "REASON",
    ],
    bulks.map((bulk) => [
      bulk.id,
      bulk.created_at,
      bulk.status,
      `${bulk.redriven + bulk.skipped} of ${bulk.letters}`,
      bulk.projected,
      bulk.duplicate,
      bulk.dead,
      bulk.skipped,
      bulk.author,
      bulk.reason,
    ]),
  );
}

export function bulkLine(bulk: Answer<"bulk">): string {
  const { left_open, problem } = { left_open: undefined, problem: undefined, ...bulk };
  const left = left_open === undefined ? "" : `, ${left_open} left open`;
  const why = problem === undefined ? "" : `\n${problem}`;
  return `bulk redrive ${bulk.id} ${bulk.status}: ${bulk.redriven} of ${bulk.letters} redriven, ${bulk.skipped} skipped${left}; projected ${bulk.projected}, duplicate ${bulk.duplicate}, dead ${bulk.dead}${why}`;
}

export function decisionTable(bulks: readonly BulkDecision[]): string {
  if (bulks.length === 0) return "No bulk discards or restores.";
  return tableOf(
    ["ID", "STARTED", "ACTION", "STATUS", "DONE", "SKIPPED", "AUTHOR", "REASON"],
    bulks.map((bulk) => [
      bulk.id,
      bulk.created_at,
      bulk.action,
      bulk.status,
      `${bulk.decided + bulk.skipped} of ${bulk.letters}`,
      bulk.skipped,
      bulk.author,
      bulk.reason,
    ]),
  );
}

export function decisionLine(bulk: BulkDecision): string {
  const state = bulk.action === "discard" ? "discarded" : "reopened";
  return `bulk ${bulk.action} ${bulk.id} ${bulk.status}: ${bulk.decided} of ${bulk.letters} ${state}, ${bulk.skipped} skipped`;
}

function problemsTable(problems: Answer<"show">["errors"]): string {
  return tableOf(
    ["PATH", "RULE", "EXPECTED", "RECEIVED"],
    problems.map(({ path, rule, expected, received, excerpt, byte_offset, positions }) => [
      path === "" ? "(document)" : path,
      rule,
      expected + (positions?.expected === undefined ? "" : ` (position ${positions.expected})`),
      received +
        (excerpt === undefined ? "" : ` ${excerpt}`) +
        (byte_offset === undefined ? "" : ` at byte ${byte_offset}`),
    ]),
  );
}

function actionsTable(actions: Answer<"show">["actions"]): string {
  return tableOf(
    ["TIME", "AUTHOR", "ACTION", "REASON"],
    actions.map(({ at, author, action, reason, redrive_position }) => [
      at,
      author ?? "(unknown)",
      redrive_position === undefined ? action : `${action} as ${redrive_position}`,
      reason,
    ]),
  );
}

function firstProblem(
  problems: readonly Pick<ListedProblem, "path" | "rule" | "expected">[],
  count: number,
): string {
  const [first] = problems;
  if (!first) return "";
  const more = count > 1 ? ` (and ${count - 1} more)` : "";
  return `${first.path} ${first.rule}: ${first.expected}${more}`.trim();
}

/** As text if it is UTF-8, otherwise as a hex dump. */
export function payloadText(bytes: Buffer): string {
  return isUtf8(bytes) ? visibleLines(bytes.toString()) : hexDump(bytes, 0);
}

/** Sixteen bytes per line: offset, bytes, printable characters. */
export function hexDump(bytes: Buffer, offset: number): string {
  const lines: string[] = [];
  for (let begin = 0; begin < bytes.length; begin += 16) {
    const part = bytes.subarray(begin, begin + 16);
    const hex = [...part].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const printable = part.toString("latin1").replace(/[^\x20-\x7e]/g, ".");
    lines.push(`${(offset + begin).toString(16).padStart(8, "0")}  ${hex.padEnd(47)}  ${visible(printable)}`);
  }
  return lines.join("\n");
}
