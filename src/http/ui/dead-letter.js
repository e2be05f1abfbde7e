/** One dead letter: problems, payload, actions, history. */
import { complain, get, post } from "/ui/api.js";
import { author, obstacle, remember } from "/ui/author.js";
import { viewDiff } from "/ui/diff-view.js";
import { button, byId, cell, element, facts, link, positionLink, table, time, visible } from "/ui/dom.js";
import { loadDomains } from "/ui/domains.js";
import { openEditor } from "/ui/editor.js";
import { showNeighbours } from "/ui/neighbours.js";
import { goToProblem, viewPayload } from "/ui/payload-view.js";

const position = new URLSearchParams(location.search).get("position");
const address = `/deadletters/${encodeURIComponent(position)}`;
let domains = [];

async function load() {
  try {
    const letter = await get(address);
    show(letter);
    await showNeighbours(byId("neighbours"), letter);
  } catch (error) {
    complain(byId("facts"), error, load);
  }
}

function show(letter) {
  document.title = `Dead letter ${letter.position} · Waybill`;
  byId("letter-title").textContent = `Dead letter ${letter.position}`;
  byId("facts").replaceChildren(
    facts([
      ["State", element("strong", { id: "state" }, [letter.state])],
      ...(domains.length > 1 ? [["Domain", letter.domain]] : []),
      [
        "Code",
        link(
          `/ui/dead-letter-list?state=open&fingerprint=${letter.fingerprint}&domain=${letter.domain}`,
          letter.code,
        ),
      ],
      ["Received", time(letter.received_at)],
      ["From", visible(`${letter.source}, channel ${letter.channel}, id ${letter.message_id}`)],
      ...(letter.with ? [["With", visible(describeWith(letter.with))]] : []),
      ...(letter.original_position ? [["First received as", positionLink(letter.original_position)]] : []),
      ...(letter.redrive_of ? [["Redrive of", positionLink(letter.redrive_of)]] : []),
      ...(letter.redriven_as ? [["Redriven as", redrivenAs(letter.redriven_as)]] : []),
      ...(letter.view ? [["Result", link(letter.view, "Open the result")]] : []),
    ]),
  );
  showProblems(letter.errors);
  showConflict(letter);
  showPayload(letter);
  showActions(letter);
  showHistory(letter);
}

/** Key, headers and subject, and whether the message is a tombstone. */
function describeWith({ key, headers = [], payload, subject }) {
  const text = (value) => (value?.base64 === undefined ? String(value) : `base64 ${value.base64}`);
  return [
    ...(payload === null ? ["no payload (tombstone)"] : []),
    ...(subject === undefined ? [] : [`subject ${text(subject)}`]),
    ...(key === undefined ? [] : [`key ${text(key)}`]),
    ...headers.map(([name, value]) => `${text(name)}: ${text(value)}`),
  ].join(", ");
}

function redrivenAs({ position: redrive, outcome }) {
  return positionLink(redrive, `position ${redrive}: ${outcome}`);
}

function showProblems(errors) {
  const rows = errors.map((problem, index) => {
    const path = problem.path === "" ? "the document" : visible(problem.path);
    const place = problem.range ? button(path, () => goToProblem(index), { class: "link" }) : path;
    const received =
      problem.excerpt === undefined ? problem.received : `${problem.received} ${problem.excerpt}`;
    const at = problem.byte_offset === undefined ? "" : ` at byte ${problem.byte_offset}`;
    return element("tr", {}, [
      cell("Where", place),
      cell("Rule", visible(problem.rule), "words"),
      cell(
        "Expected",
        visible(
          problem.expected + (problem.positions?.expected ? ` (position ${problem.positions.expected})` : ""),
        ),
        "words",
      ),
      cell("Received", visible(received + at), "words"),
    ]);
  });
  byId("problems").replaceChildren(table("Problems", ["Where", "Rule", "Expected", "Received"], rows));
}

function showConflict({ code, original_position, original_diff, position: own }) {
  byId("conflict").hidden = code !== "conflict";
  if (code !== "conflict") return;
  const first = positionLink(original_position);
  const isSame = original_diff?.every(({ kind }) => kind === "same" || kind === "skipped");
  byId("conflict-diff").replaceChildren(
    ...(original_diff === undefined
      ? [
          element("p", {}, [
            "The messages are too large or differ too much to compare. The first is ",
            first,
            ".",
          ]),
        ]
      : isSame
        ? [element("p", {}, ["Only white space differs from ", first, "."])]
        : [viewDiff(original_diff, [`First: position ${original_position}`, `This: position ${own}`])]),
  );
}

function showPayload({ payload, errors, links }) {
  const notes = [`${payload.bytes.toLocaleString()} bytes. `];
  if (payload.is_masked) notes.push("Personal data is masked; revealing it is recorded. ");
  const who = new URLSearchParams(author() === "" ? {} : { author: author() });
  const load = async (from) => {
    const part = `?from=${from}`;
    if (payload.is_masked) return act(async () => showPayload(await get(`${address}${part}`)));
    const name = operator(false);
    if (name) await act(async () => showPayload(await post(`${address}/reveal${part}`, name)));
  };
  byId("payload").replaceChildren(
    element("p", { class: "quiet" }, [
      ...notes,
      obstacle ?? link(`${links.payload}?${who}`, "Download unmasked"),
    ]),
    ...viewPayload(payload, errors, load),
  );
}

function showActions(letter) {
  byId("act").hidden = letter.state === "redriven";
  byId("author").value ||= author();
  const buttons = [button("Reveal personal data", reveal, { class: "secondary" })];
  if (letter.state === "open") {
    buttons.unshift(
      button("Redrive unchanged", redriveAsIs, { class: "primary" }),
      button("Edit", edit, { class: "secondary" }),
      button("Discard", () => decide("discard"), { class: "danger" }),
    );
    if (letter.payload.encoding !== "text") buttons[1].disabled = true;
  }
  if (letter.state === "discarded")
    buttons.unshift(button("Restore", () => decide("restore"), { class: "primary" }));
  byId("actions").replaceChildren(...buttons);
}

function showHistory(letter) {
  const items = [
    element("li", {}, [time(letter.received_at), ` received from ${visible(letter.source)}`]),
    element("li", {}, [`rejected: ${letter.code}, ${letter.errors.length} problem(s)`]),
    ...letter.actions.map((action) =>
      element("li", {}, [
        time(action.at),
        visible(` ${action.action} by ${action.author ?? "an unnamed operator"}`),
        ...(action.reason ? [visible(`: ${action.reason}`)] : []),
        ...(action.redrive_position ? [" → ", positionLink(action.redrive_position)] : []),
        ...(action.is_edited ? [" (edited)"] : []),
        ...(action.bulk_redrive
          ? [" in ", link(`/ui/redrive?id=${action.bulk_redrive}`, `bulk redrive ${action.bulk_redrive}`)]
          : []),
      ]),
    ),
  ];
  byId("history").replaceChildren(
    element("ol", { class: "history" }, items),
    ...(letter.diff
      ? [
          element("h3", {}, ["Changes in this redrive"]),
          viewDiff(letter.diff, [`Position ${letter.redrive_of}`, `Position ${letter.position}`]),
        ]
      : []),
    element("p", {}, [positionLink(letter.position, "The message and its timeline")]),
  );
}

/** Author and reason; undefined if the form reports a missing field. */
function operator(needsReason) {
  byId("reason").required = needsReason;
  if (!byId("act-form").reportValidity()) return undefined;
  remember(byId("author").value);
  const reason = byId("reason").value;
  return { author: byId("author").value, ...(reason === "" ? {} : { reason }) };
}

async function act(work) {
  const place = byId("act-result");
  place.replaceChildren();
  try {
    await work(place);
  } catch (error) {
    complain(place, error);
    // Another operator changed the letter first.
    if (error.status === 409) await load();
  }
}

async function redriveAsIs() {
  const who = operator(false);
  if (!who) return;
  await act(async (place) => {
    const trial = await post(`${address}/redrive?dryRun=true`, {});
    const words =
      trial.outcome === "dead"
        ? `It would fail again (${trial.code}).`
        : `It would be ${trial.outcome}${trial.original_position ? ` of position ${trial.original_position}` : ""}.`;
    const confirm = button(
      trial.outcome === "dead" ? "Redrive anyway" : "Redrive",
      () => act(async () => follow(await post(`${address}/redrive`, who))),
      { class: "primary" },
    );
    place.replaceChildren(
      element("p", { class: trial.outcome === "projected" ? "good" : "bad" }, [words]),
      confirm,
    );
    confirm.focus();
  });
}

async function decide(action) {
  const who = operator(true);
  if (!who) return;
  await act(async () => {
    await post(`${address}/${action}`, who);
    await load();
  });
}

async function reveal() {
  const who = operator(false);
  if (who) await act(async () => show(await post(`${address}/reveal`, who)));
}

async function edit() {
  const who = operator(false);
  if (!who) return;
  await act(async () => {
    const letter = await post(`${address}/reveal`, who);
    show(letter);
    if (!letter.payload.is_whole)
      throw new Error("the payload is too large to edit here: use the command line");
    openEditor(letter.payload.content, address, (payload) => {
      const again = operator(true);
      if (again) act(async () => follow(await post(`${address}/redrive`, { ...again, payload })));
    });
  });
}

/** Waits for the outcome of a redrive and shows it. */
async function follow({ redrive_position }) {
  byId("editor").hidden = true;
  await load();
  const { outcome, view } = await get(`/messages/${redrive_position}?wait=10`);
  await load();
  byId("act").hidden = false;
  byId("actions").replaceChildren();
  byId("act-result").replaceChildren(
    element("p", { id: "redriven", class: outcome === "dead" ? "bad" : "good" }, [
      `Redriven as position ${redrive_position}: ${outcome}. `,
      ...(view ? [link(view, "Open the result")] : []),
    ]),
  );
}

byId("act-form").addEventListener("submit", (event) => event.preventDefault());
domains = await loadDomains();
await load();
