/** The payload editor: validates the text by a dry run while the operator types. */
import { complain, post } from "/ui/api.js";
import { viewDiff } from "/ui/diff-view.js";
import { button, byId, element, visible } from "/ui/dom.js";
import { layOut } from "/ui/json-layout.js";

/** @param onRedrive receives the text when the operator redrives it. */
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
        trial.diff
          ? viewDiff(trial.diff, ["As received", "As edited"])
          : element("p", {}, ["Too many changes to show."]),
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
    const text = layOut(area.value);
    if (text === undefined) {
      const words = "Only an object or array can be formatted.";
      byId("verdict").replaceChildren(element("p", { role: "alert" }, [words]));
    } else {
      area.value = text;
      area.oninput();
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
        ? "Valid: this would be accepted."
        : `Duplicate of position ${trial.original_position}.`;
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
    element("p", { class: "bad" }, [`Still invalid (${trial.code}):`]),
    element("ul", {}, items),
  );
}

function select(area, { start, end }) {
  area.focus();
  area.setSelectionRange(start, end);
}

/** Longer than a pause between two keystrokes. */
const PAUSE_MS = 250;
