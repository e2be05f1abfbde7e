/** Calls the service. An error answer becomes an Error with its detail; 401 opens the sign-in form. */
import { button, element } from "/ui/dom.js";
import { askToSignIn, endLoading } from "/ui/shell.js";

export class Refused extends Error {
  constructor(status, problem, requestId) {
    super(problem.detail ?? problem.title ?? `the service returned ${status}`);
    this.status = status;
    this.problem = problem;
    this.requestId = requestId;
  }
}

export function get(path) {
  return ask(path, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
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
  let value;
  try {
    response = await fetch(path, options);
    value = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (error.name === "TimeoutError") throw new Error("the service does not answer");
    throw new Error("the service is unreachable");
  }
  if (response.ok) return value;
  if (response.status === 401) askToSignIn();
  throw new Refused(response.status, value, response.headers.get("x-request-id"));
}

/**
 * Shows an error in an element that screen readers announce, and what to do about it.
 * @param retry loads the place again; undefined if a repeated request could take effect twice.
 */
export function complain(place, error, retry) {
  if (error.status === 401) {
    place.replaceChildren(element("p", { class: "quiet" }, ["Sign in to see this."]));
    return;
  }
  const again = button("Try again", () => {
    again.disabled = true;
    retry();
  });
  place.replaceChildren(
    element("p", { role: "alert" }, [textOf(error)]),
    ...(retry && !isFinal(error) ? [element("p", {}, [again])] : []),
  );
  endLoading("Not loaded.");
}

/**
 * For a place whose content is loaded repeatedly. While the service is unreachable, its content stays, because the
 * connection line tells why it is old; so does the same problem, whose button may have the focus.
 */
export function complainOfUpdate(place, error, retry) {
  const alert = place.querySelector("[role=alert]");
  const isShown = alert === null && place.querySelector(".loading, .quiet") === null && place.hasChildNodes();
  const isSame = alert?.textContent === textOf(error) && place.querySelector("button:disabled") === null;
  if (!isSame && (error.status !== undefined || !isShown)) complain(place, error, retry);
}

const textOf = (error) => `${error.message}.${adviceOn(error)}`;

/** Whether the same request fails again. */
const isFinal = ({ status }) => status === 400 || status === 404;

/** Whether the same request can succeed later. */
export const isTemporary = ({ status }) => status === undefined || status >= 500;

function adviceOn({ status, requestId }) {
  if (status === undefined) return " The service may be restarting; try again in a moment.";
  if (status >= 500 && status !== 503) return ` Search the service's log for the request ${requestId}.`;
  return "";
}

/** Longer than any answer takes. */
const ANSWER_MS_MAX = 60_000;
