/** Asks the service; a refusal becomes an Error with its words. If a token is needed, the page asks for it. */
import { element } from "/ui/dom.js";
import { askToSignIn } from "/ui/shell.js";

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `the service answered ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

export function get(path) {
  return ask(path, {});
}

export function post(path, body, signal) {
  return ask(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
    signal,
  });
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the service cannot be reached");
  }
  const value = await response.json();
  if (response.ok) return value;
  if (response.status === 401) askToSignIn();
  throw new Refused(response.status, value);
}

/** Shows what went wrong in a place that is read out. */
export function complain(place, error) {
  if (error.status === 401) return;
  place.replaceChildren(element("p", { role: "alert" }, [`${error.message}.`]));
}
