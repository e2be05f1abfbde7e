/** Calls the service. An error answer becomes an Error with its detail; 401 opens the sign-in form. */
import { element } from "/ui/dom.js";
import { askToSignIn } from "/ui/shell.js";

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `the service returned ${status}`);
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
    throw new Error("the service is unreachable");
  }
  const value = await response.json();
  if (response.ok) return value;
  if (response.status === 401) askToSignIn();
  throw new Refused(response.status, value);
}

/** Shows an error in an element that screen readers announce. */
export function complain(place, error) {
  if (error.status === 401) return;
  place.replaceChildren(element("p", { role: "alert" }, [`${error.message}.`]));
}
