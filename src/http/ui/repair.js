/** Repairs many dead letters: steps with a live preview on samples, a dry run, then the run. The URL has the filter. */
import { complain, post } from "/ui/api.js";
import { author, remember } from "/ui/author.js";
import { viewDiff } from "/ui/diff-view.js";
import { byId, cell, element, link, table, visible } from "/ui/dom.js";
import { openSteps } from "/ui/repair-steps.js";

const asked = new URLSearchParams(location.search);
const filter = Object.fromEntries(
  [...asked].filter(([name]) => !["state", "before", "limit"].includes(name)),
);
const form = byId("run-form");
const steps = openSteps(byId("steps"), changed);
let timer;
let running;
/** The request of the last dry run, which the run repeats, so that later letters are not included. */
let tried;

function changed() {
  forgetTrial();
  clearTimeout(timer);
  timer = setTimeout(preview, PAUSE_MS);
}

function forgetTrial() {
  tried = undefined;
  offerRun(0);
}

/** Only a dry run with passing letters makes the run the next action. */
function offerRun(letters) {
  const run = byId("run");
  run.disabled = letters === 0;
  run.className = letters === 0 ? "secondary" : "primary";
  run.textContent = letters === 0 ? "Repair" : `Repair ${count(letters, "letter")}`;
  byId("try").className = letters === 0 ? "primary" : "secondary";
}

async function preview() {
  running?.abort();
  running = new AbortController();
  const list = steps.read();
  if (!list) return say("Complete the steps to see what they change.");
  try {
    const answer = await post("/deadletters/transform/preview", { filter, steps: list }, running.signal);
    showSelection(answer.letters);
    showSamples(answer.samples);
  } catch (error) {
    if (error.name === "AbortError") return;
    byId("samples").replaceChildren();
    complain(byId("verdict"), error);
  }
}

function say(text, className = "") {
  byId("verdict").replaceChildren(element("p", className ? { class: className } : {}, [text]));
}

function showSelection(total) {
  const letters =
    total === null
      ? "All letters"
      : `${total.is_exact ? "" : "More than "}${count(total.letters, "open letter")}`;
  const words = Object.entries(filter).map(([name, value]) => `${name} ${value}`);
  const wanted = new URLSearchParams({ ...filter, state: "open" });
  byId("selection").replaceChildren(
    link(`/ui/dead-letter-list?${wanted}`, letters),
    visible(words.length === 0 ? "." : ` with ${words.join(", ")}.`),
  );
}

function showSamples(samples) {
  const passing = samples.filter(({ outcome }) => outcome === "projected" || outcome === "duplicate").length;
  say(
    samples.length === 0
      ? "No open letters match."
      : `${passing} of ${count(samples.length, "sample")} would be processed.`,
    samples.length > 0 && passing === samples.length ? "good" : "",
  );
  byId("samples").replaceChildren(...samples.map(viewSample));
}

function viewSample(sample) {
  const [isGood, words] = verdictOf(sample);
  const unmatched = sample.unmatched_steps.map((index) =>
    element("p", { class: "quiet" }, [`The path of step ${index + 1} leads nowhere in this letter.`]),
  );
  const changes = sample.diff ? viewDiff(sample.diff) : element("p", {}, ["Too many changes to show."]);
  if (sample.diff) changes.setAttribute("aria-label", `Changes of position ${sample.position}`);
  return element("section", { class: "sample" }, [
    element("h3", {}, [letterLink(sample.position)]),
    element("p", { class: isGood ? "good" : "bad" }, [visible(words)]),
    ...unmatched,
    ...(sample.result === "changed" ? [changes] : []),
  ]);
}

function verdictOf({ result, outcome, code, errors, original_position, step, problem }) {
  if (result === "unchanged") return [false, "The steps change nothing; this letter would stay open."];
  if (problem)
    return [false, `Step ${step + 1} cannot be applied: ${wordsOf(problem)}. This letter would stay open.`];
  if (outcome === "projected") return [true, "This letter would be processed."];
  if (outcome === "duplicate") return [true, `It would be a duplicate of position ${original_position}.`];
  if (outcome === undefined)
    return [false, "Its domain does not run in this process, so it cannot be tried."];
  return [false, `It would fail again (${code}): ${wordsOf(errors[0])}.`];
}

function wordsOf({ path, expected, received, excerpt }) {
  return `${path || "the document"}: expected ${expected}, not ${received}${excerpt === undefined ? "" : ` ${excerpt}`}`;
}

byId("add-step").addEventListener("click", () => {
  steps.add().focus();
  changed();
});

byId("try").addEventListener("click", async () => {
  const list = steps.read();
  const place = byId("run-result");
  forgetTrial();
  if (!list) return complain(place, new Error("Complete the steps first"));
  if (!form.elements.limit.reportValidity()) return;
  place.replaceChildren(element("p", {}, ["Dry run in progress; nothing is changed…"]));
  const until = filter.until ?? new Date().toISOString();
  const request = { filter: { ...filter, until }, steps: list, limit: Number(form.elements.limit.value) };
  byId("try").disabled = true;
  try {
    const run = await post("/deadletters/transform?dryRun=true", request);
    showTrial(run);
    // The steps may have changed meanwhile.
    if (JSON.stringify(steps.read()) === JSON.stringify(list)) {
      tried = request;
      offerRun(run.projected + run.duplicate);
    }
  } catch (error) {
    complain(place, error);
  } finally {
    byId("try").disabled = false;
  }
});

function showTrial(run) {
  const passing = run.projected + run.duplicate;
  const rows = [
    ...run.failures.map(({ code, errors, count: letters, sample }) =>
      rowOf(`Fails again (${code})`, errors[0], letters, sample),
    ),
    ...run.not_applied.map(({ step, problem, count: letters, sample }) =>
      rowOf(`Stays open: step ${step + 1} cannot be applied`, problem, letters, sample),
    ),
    ...(run.unchanged > 0
      ? [rowOf("Stays open: nothing is changed", undefined, run.unchanged, run.unchanged_sample)]
      : []),
    ...(run.conflict > 0
      ? [rowOf(conflictWords(run), undefined, run.conflict, run.conflict_sample.position)]
      : []),
    ...Object.entries(run.not_run_here).map(([domain, letters]) =>
      rowOf(`Not tried: the domain ${domain} does not run in this process`, undefined, letters),
    ),
  ];
  byId("run-result").replaceChildren(
    element("p", { class: passing === run.letters && passing > 0 ? "good" : "bad" }, [
      `${count(run.letters, "letter")}: ${run.projected.toLocaleString()} would be processed, ${run.duplicate.toLocaleString()} duplicates, ${run.conflict.toLocaleString()} conflicts, ${run.dead.toLocaleString()} would fail again, ${(run.letters - passing - run.conflict - run.dead).toLocaleString()} would stay open.`,
    ]),
    ...(rows.length > 0
      ? [table("Letters that would not pass", ["Result", "Problem", "Letters", "Sample"], rows)]
      : []),
  );
}

function conflictWords({ conflict_sample: { original_position } }) {
  return original_position === undefined
    ? "Conflict: several letters would have one id with different content"
    : `Conflict: position ${original_position} has the same id with other content`;
}

function rowOf(result, problem, letters, sample) {
  return element("tr", {}, [
    cell("Result", visible(result)),
    cell("Problem", problem ? visible(wordsOf(problem)) : ""),
    cell("Letters", letters.toLocaleString(), "number"),
    cell("Sample", sample === undefined ? "" : letterLink(sample), "words"),
  ]);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!tried) return;
  const { author: who, reason, failures_max } = form.elements;
  remember(who.value);
  byId("run").disabled = true;
  try {
    const bulk = await post("/deadletters/transform", {
      ...tried,
      author: who.value,
      reason: reason.value,
      failures_max: Number(failures_max.value),
    });
    location.assign(`/ui/redrive?id=${bulk.id}`);
  } catch (error) {
    byId("run").disabled = false;
    complain(byId("run-result"), error);
  }
});

form.elements.limit.addEventListener("input", forgetTrial);

const letterLink = (position) => link(`/ui/message?position=${position}`, `Position ${position}`);
const count = (number, noun) => `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;

/** Longer than a pause between two keystrokes. */
const PAUSE_MS = 250;

form.elements.author.value = author();
try {
  const { letters, suggested_steps } = await post("/deadletters/transform/preview", {
    filter,
    steps: [],
    samples: 1,
  });
  showSelection(letters);
  for (const step of suggested_steps) steps.add(step);
  if (suggested_steps.length === 0) steps.add();
  await preview();
} catch (error) {
  complain(byId("verdict"), error);
}
