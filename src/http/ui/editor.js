/** The editor of a payload: what is written is tried by today's schema while one types, and nothing is changed by it. */
import { complain, post } from "/ui/api.js";
import { button, byId, element, visible } from "/ui/dom.js";
import { viewDiff } from "/ui/payload-view.js";

/** @param onRedrive is given the text once it would be accepted and somebody says so. */
export function openEditor(text, address, onRedrive) {
  const area = byId("edited");
  const run = byId("redrive-edited");
  let timer;
  let running;

  const check = async () => {
    running?.abort();
    running = new AbortController();
    run.disabled = true;
    byId("verdict").replaceChildren(element("p", {}, ["Checking…"]));
    try {
      const payload = area.value;
      const trial = await post(`${address}/redrive?dryRun=true`, { payload }, running.signal);
      showVerdict(trial, area);
      run.disabled = trial.outcome === "dead";
      byId("difference").replaceChildren(
        trial.diff ? viewDiff(trial.diff) : element("p", {}, ["Too different to be shown."]),
      );
    } catch (error) {
      if (error.name !== "AbortError") complain(byId("verdict"), error);
    }
  };

  area.value = text;
  area.oninput = () => {
    run.disabled = true;
    clearTimeout(timer);
    timer = setTimeout(check, PAUSE_MS);
  };
  run.onclick = () => onRedrive(area.value);
  byId("lay-out").onclick = () => {
    try {
      area.value = JSON.stringify(JSON.parse(area.value), null, 2);
      area.oninput();
    } catch {
      byId("verdict").replaceChildren(element("p", { role: "alert" }, ["This is not JSON yet."]));
    }
  };
  byId("editor").hidden = false;
  area.focus();
  area.setSelectionRange(0, 0);
  check();
}

function showVerdict(trial, area) {
  if (trial.outcome !== "dead") {
    const words =
      trial.outcome === "projected"
        ? "This would be accepted."
        : `This would be a duplicate of position ${trial.original_position}.`;
    byId("verdict").replaceChildren(element("p", { class: "good" }, [words]));
    return;
  }
  const items = trial.errors.map((problem) => {
    const words = visible(
      `${problem.path || "the document"}: ${problem.expected}, not ${problem.received}${problem.excerpt === undefined ? "" : ` ${problem.excerpt}`}`,
    );
    return element("li", {}, [
      problem.range ? button(words, () => select(area, problem.range), { class: "link" }) : words,
    ]);
  });
  byId("verdict").replaceChildren(
    element("p", { class: "bad" }, [`This would be dead again (${trial.code}):`]),
    element("ul", {}, items),
  );
}

function select(area, { start, end }) {
  area.focus();
  area.setSelectionRange(start, end);
}

/** Between two keys of somebody who types there is less. */
const PAUSE_MS = 250;
