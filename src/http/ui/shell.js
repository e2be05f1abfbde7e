/** The dynamic parts of the shell: connection state, event stream, sign-in and sign-out. */
import { byId, element, visible } from "/ui/dom.js";
import { signedIn } from "/ui/signed-in.js";

/** What the page says of its own connection; undefined if it has none but the shell's. */
let own;
let isReachable = true;
let isSignedOut = false;
/** Why the service is not ready; undefined until it has answered. */
let reasons;

/** Shows the state of a page with a connection of its own. The shell adds what holds for every page. */
export function showConnection(text, isLost = false) {
  own = { text, isLost };
  show();
}

function show() {
  const place = byId("connection");
  const [text, isLost] = stateNow();
  // Otherwise a screen reader repeats the same text.
  if (place.textContent !== text) place.textContent = text;
  place.classList.toggle("lost", isLost);
}

function stateNow() {
  if (!isReachable) return ["connection lost; reconnecting", true];
  if (reasons?.length > 0) return [`the service is not ready: ${reasons.join("; ")}`, true];
  if (isSignedOut) return [own?.text === "live" ? "live, signed out" : "signed out", false];
  if (own) return [own.text, own.isLost];
  return [reasons === undefined ? "connecting…" : "live", false];
}

/** Pauses after each answer, so that a slow service does not get more requests; a hidden page asks nothing. */
async function watchReadiness() {
  for (;;) {
    if (!document.hidden) await askReadiness();
    await new Promise((resolve) => setTimeout(resolve, READINESS_PAUSE_MS));
  }
}

async function askReadiness() {
  try {
    const response = await fetch("/readyz", { signal: AbortSignal.timeout(READINESS_TIMEOUT_MS) });
    ({ reasons = [] } = await response.json());
    isReachable = true;
  } catch {
    // A page that is being left aborts its requests, too.
    isReachable = false;
  }
  show();
}

/**
 * Subscribes to the service's events and shows the connection state. Without a session there are no events.
 * @param listeners by event name; each receives the event's value.
 * @param onOpen called whenever the stream opens: events before that are missing.
 */
export function watchEvents(listeners, onOpen = () => {}) {
  if (isSignedOut) return;
  if (own === undefined) showConnection("connecting…");
  const feed = new EventSource("/events");
  feed.onopen = () => {
    showConnection("live");
    onOpen();
  };
  feed.onerror = async () => {
    showConnection("connection lost; reconnecting", true);
    if (feed.readyState !== EventSource.CLOSED) return;
    // Browsers stop reconnecting after an error answer, which proxies send while the service restarts.
    if (await isSessionOver()) askToSignIn();
    else setTimeout(() => watchEvents(listeners, onOpen), RETRY_MS);
  };
  for (const [name, listener] of Object.entries(listeners))
    feed.addEventListener(name, (event) => listener(JSON.parse(event.data)));
}

/** An EventSource does not say why it was refused. */
async function isSessionOver() {
  const stopping = new AbortController();
  const status = await fetch("/events", { signal: stopping.signal }).then(
    (response) => response.status,
    () => undefined,
  );
  stopping.abort();
  return status === 401;
}

/** Shows the sign-in form; the page reloads after sign-in. */
export function askToSignIn() {
  isSignedOut = true;
  show();
  endLoading("Sign in to see this.");
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
    problem.textContent = response.status === 401 ? "Invalid token." : (await response.json()).detail;
  });
  byId("main").prepend(
    element("section", { id: "sign-in", "aria-labelledby": "sign-in-title" }, [
      element("h2", { id: "sign-in-title" }, ["Sign in"]),
      form,
    ]),
  );
  // The user may be typing elsewhere by now.
  if (document.activeElement === document.body) token.focus();
}

/** Nothing more will arrive for the parts of the page that are still loading. */
export function endLoading(text) {
  for (const place of document.querySelectorAll("#main .loading")) {
    place.textContent = text;
    place.classList.replace("loading", "quiet");
  }
}

byId("sign-out").addEventListener("click", async () => {
  const isOut = await fetch("/session", { method: "DELETE" }).then(
    (response) => response.ok,
    () => false,
  );
  if (isOut) location.reload();
  else showConnection("sign-out failed; try again", true);
});

/** The same delay as the `retry` that the service sends to browsers. */
const RETRY_MS = 2_000;
const READINESS_PAUSE_MS = 3_000;
const READINESS_TIMEOUT_MS = 10_000;

show();
watchReadiness();
signedIn.then(({ name, role }) => {
  if (name !== null) byId("who").textContent = `${visible(name)} (${role})`;
});
