/** One message of the inbox: what became of it and why, its payload, and what it leads to. */
import { complain, complainOfUpdate, get, isTemporary, post } from "/ui/api.js";
import { author, obstacle, remember } from "/ui/author.js";
import { copy } from "/ui/copy.js";
import { viewDiff } from "/ui/diff-view.js";
import { button, byId, cell, element, facts, link, positionLink, table, time, visible } from "/ui/dom.js";
import { update } from "/ui/live.js";
import { goToProblem, viewPayload } from "/ui/payload-view.js";

const position = new URLSearchParams(location.search).get("position") ?? "";
const address = `/messages/${encodeURIComponent(position)}`;
let isRevealed = false;
let timer;

async function load() {
  clearTimeout(timer);
  try {
    const message = await get(`${address}/view`);
    show(message);
    if (!isRevealed) showPayload(message);
    await follow(message);
  } catch (error) {
    complainOfUpdate(byId("facts"), error, load);
    if (isTemporary(error)) timer = setTimeout(load, RETRY_MS);
  }
}

/** A pending message, or a pending redrive of it, shows its outcome when it has one. */
async function follow(message) {
  for (let shown = message; pendingOf(shown) !== undefined; ) {
    await get(`/messages/${pendingOf(shown)}?wait=${WAIT_SECONDS}`);
    shown = await get(`${address}/view`);
    show(shown);
    if (!isRevealed) showPayload(shown);
  }
}

function pendingOf({ position: own, outcome, redriven_as }) {
  if (outcome === "pending") return own;
  return redriven_as?.outcome === "pending" ? redriven_as.position : undefined;
}

function show(message) {
  document.title = `Message ${message.position} · Waybill`;
  byId("message-title").textContent = `Message ${message.position}`;
  update(byId("facts"), facts(factsOf(message)));
  update(byId("timeline"), element("ol", { class: "history" }, timelineOf(message)), ...changesOf(message));
  showNeighbours(message);
  showProblems(message);
  showHeaders(message.with);
}

function factsOf(message) {
  const { outcome, code, domain, source, channel, message_id, trace, view, state } = message;
  const rows = [
    ["Outcome", element("strong", { id: "outcome" }, [WORDS[outcome]])],
    ["Domain", domain],
    ["Source", visible(`${source}, channel ${channel}`)],
    ["Message id", visible(message_id)],
  ];
  // Before the rows that an outcome adds: otherwise its button would move, and lose the focus.
  if (trace) rows.push(["Trace", traceOf(trace)]);
  if (view) rows.push(["Result", link(view, "Open what it made")]);
  if (message.original_position) rows.push(["First received as", positionLink(message.original_position)]);
  if (message.redrive_of) rows.push(["Redrive of", positionLink(message.redrive_of)]);
  if (message.redriven_as) rows.push(["Redriven as", redriveOf(message.redriven_as)]);
  if (outcome === "dead") {
    const group = new URLSearchParams({ fingerprint: message.fingerprint, domain });
    rows.push(
      ["Rejected because", visible(reasonOf(message))],
      ["Dead letter", link(`/ui/dead-letter?position=${message.position}`, LETTERS[state])],
      ["Group", link(`/ui/dead-letter-list?${group}`, `${code}, the same problem`)],
    );
  }
  return rows;
}

function reasonOf({ code, errors }) {
  const [first] = errors;
  const more = errors.length > 1 ? `, and ${errors.length - 1} more` : "";
  return `${code}: ${first.path || "the document"} – expected ${first.expected}, received ${first.received}${more}`;
}

function traceOf({ id, url }) {
  const shown = url === null ? element("code", {}, [id]) : link(url, id);
  const copying = button(
    "Copy",
    async () => {
      if (await copy(id)) copying.textContent = "Copied";
    },
    { class: "secondary" },
  );
  return [shown, " ", copying];
}

const redriveOf = ({ position: at, outcome }) =>
  positionLink(at, `position ${at}: ${WORDS[outcome].toLowerCase()}`);

function timelineOf(message) {
  const items = [];
  if (message.published_at) items.push([time(message.published_at), " published, as the source dates it"]);
  items.push([
    time(message.received_at),
    ...(message.redrive_of
      ? [" appended to the inbox as a redrive of ", positionLink(message.redrive_of)]
      : [visible(` received from ${message.source} and appended to the inbox`)]),
  ]);
  items.push(outcomeOf(message));
  for (const action of message.actions) items.push(actionOf(action, message.redriven_as));
  return items.map((item) => element("li", {}, item));
}

function outcomeOf(message) {
  const { outcome, original_position } = message;
  if (outcome === "pending") return ["waits for its turn; this page shows the outcome when it is processed"];
  if (outcome === "duplicate") return ["recognised as a duplicate of ", positionLink(original_position)];
  if (outcome === "projected")
    return ["processed", ...(message.view ? [": ", link(message.view, "result")] : [])];
  const conflict = original_position ? ["; ", positionLink(original_position), " was first"] : [];
  return [visible(`rejected: ${reasonOf(message)}`), ...conflict];
}

/** @param redrive of the message, with its outcome. */
function actionOf(action, redrive) {
  const { redrive_position, is_edited, bulk_redrive, bulk_decision } = action;
  return [
    time(action.at),
    visible(` ${PAST[action.action]} by ${action.author ?? "an unnamed operator"}`),
    ...(is_edited ? [" with an edited payload"] : []),
    ...(action.reason ? [visible(`: ${action.reason}`)] : []),
    ...(redrive_position
      ? [" → ", redrive?.position === redrive_position ? redriveOf(redrive) : positionLink(redrive_position)]
      : []),
    ...(bulk_redrive ? [" in ", link(`/ui/redrive?id=${bulk_redrive}`, `bulk redrive ${bulk_redrive}`)] : []),
    ...(bulk_decision
      ? [" in ", link(`/ui/redrive?decision=${bulk_decision}`, `bulk ${action.action} ${bulk_decision}`)]
      : []),
  ];
}

function changesOf({ diff, redrive_of, position: own }) {
  if (!diff) return [];
  const heads = [`Position ${redrive_of}`, `Position ${own}`];
  return [element("h3", {}, ["Changes in this redrive"]), viewDiff(diff, heads)];
}

/** The shell's keys p and n follow them. */
function showNeighbours({ previous, next }) {
  const to = (at, rel, text) => {
    if (at === null) return [];
    const made = positionLink(at, text);
    made.rel = rel;
    return [made];
  };
  update(
    byId("neighbours"),
    ...to(previous, "prev", `← Previous in the inbox: ${previous}`),
    ...to(next, "next", `Next in the inbox: ${next} →`),
  );
}

function showProblems({ errors = [] }) {
  byId("problems-section").hidden = errors.length === 0;
  const rows = errors.map(({ path, rule, expected, received, excerpt, range }, index) =>
    element("tr", {}, [
      cell("Where", placeOf(path === "" ? "the document" : visible(path), range, index), "words"),
      cell("Rule", visible(rule), "words"),
      cell("Expected", visible(expected), "words"),
      cell("Received", visible(excerpt === undefined ? received : `${received} ${excerpt}`), "words"),
    ]),
  );
  update(byId("problems"), table("Problems", ["Where", "Rule", "Expected", "Received"], rows));
}

const placeOf = (path, range, index) =>
  range ? button(path, () => goToProblem(index), { class: "link" }) : path;

/** Key, headers and subject, and whether the message is a tombstone. */
function showHeaders({ key, subject, payload, headers = [] } = {}) {
  const pairs = [
    ...(payload === null ? [["payload", "none (tombstone)"]] : []),
    ...(subject === undefined ? [] : [["subject", textOf(subject)]]),
    ...(key === undefined ? [] : [["key", textOf(key)]]),
    ...headers.map(([name, value]) => [textOf(name), textOf(value)]),
  ];
  byId("headers-section").hidden = pairs.length === 0;
  update(byId("headers"), facts(pairs.map(([name, value]) => [visible(name), visible(value)])));
}

const textOf = (value) => (value?.base64 === undefined ? String(value) : `base64 ${value.base64}`);

function showPayload({ payload, errors = [], links }) {
  const who = new URLSearchParams(author() === "" ? {} : { author: author() });
  byId("payload").replaceChildren(
    element("p", { class: "quiet" }, [
      `${payload.bytes.toLocaleString()} bytes. `,
      payload.is_masked ? "Personal data is masked; revealing it is recorded. " : "",
      obstacle ?? link(`${links.payload}?${who}`, "Download unmasked"),
    ]),
    ...viewPayload(payload, errors, loadFrom),
  );
  byId("reveal").hidden = !payload.is_masked;
  byId("author").value ||= author();
}

/** Another part of a large payload. */
async function loadFrom(from) {
  if (isRevealed) return reveal(`?from=${from}`);
  try {
    showPayload(await get(`${address}/view?from=${from}`));
  } catch (error) {
    complain(byId("reveal-result"), error);
  }
}

async function reveal(part) {
  remember(byId("author").value);
  const reason = byId("reason").value;
  try {
    const body = { author: byId("author").value, ...(reason === "" ? {} : { reason }) };
    const message = await post(`${address}/reveal${part}`, body);
    isRevealed = true;
    show(message);
    showPayload(message);
  } catch (error) {
    complain(byId("reveal-result"), error);
  }
}

byId("reveal").addEventListener("submit", (event) => {
  event.preventDefault();
  reveal("");
});

const WORDS = { pending: "Pending", projected: "Processed", duplicate: "Duplicate", dead: "Dead" };
const LETTERS = {
  open: "open: repair or discard it",
  redriven: "redriven",
  discarded: "discarded: restore it",
};
const PAST = { redrive: "redriven", discard: "discarded", restore: "restored", reveal: "revealed" };

/** Less than proxies wait for an answer. */
const WAIT_SECONDS = 20;
const RETRY_MS = 2_000;

await load();
