/** Asks the service; a refusal becomes an Error with its words. Where a token is needed, the page asks for it. */
import { byId, element } from "/ui/dom.js";

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

/** Shows the form; the page begins anew once the token is right. */
export function askToSignIn() {
  if (byId("sign-in")) return;
  const token = element("input", {
    id: "token",
    type: "password",
    autocomplete: "current-password",
    required: "",
  });
  const problem = element("p", { id: "sign-in-error", role: "alert" });
  const form = element("form", {}, [
    element("label", { for: "token" }, ["Operator token"]),
    element("div", { class: "row" }, [token, element("button", { type: "submit" }, ["Sign in"])]),
    problem,
  ]);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const response = await fetch("/session", { method: "POST", body: token.value });
    token.value = "";
    if (response.ok) return location.reload();
    problem.textContent = response.status === 401 ? "This is not the token." : (await response.json()).detail;
  });
  byId("main").prepend(
    element("section", { id: "sign-in", "aria-labelledby": "sign-in-title" }, [
      element("h2", { id: "sign-in-title" }, ["Sign in"]),
      form,
    ]),
  );
  token.focus();
}

/** Shows what went wrong in a place that is read out. */
export function complain(place, error) {
  if (error.status === 401) return;
  place.replaceChildren(element("p", { role: "alert" }, [`${error.message}.`]));
}

byId("sign-out").addEventListener("click", async () => {
  await fetch("/session", { method: "DELETE" });
  location.reload();
});
