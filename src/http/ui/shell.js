/** The dynamic parts of the shell: connection state, event stream, sign-in and sign-out. */
import { byId, element } from "/ui/dom.js";

export function showConnection(text, isLost = false) {
  const place = byId("connection");
  // Otherwise a screen reader repeats the same text.
  if (place.textContent !== text) place.textContent = text;
  place.classList.toggle("lost", isLost);
}

/**
 * Subscribes to the service's events and shows the connection state. Without a session there are no events.
 * @param listeners by event name; each receives the event's value.
 */
export function watchEvents(listeners) {
  if (byId("sign-in")) return;
  const feed = new EventSource("/events");
  feed.onopen = () => showConnection("live");
  feed.onerror = () => {
    showConnection("connection lost; reconnecting", true);
    // Browsers stop reconnecting after an error answer, which proxies send while the service restarts.
    if (feed.readyState === EventSource.CLOSED) setTimeout(() => watchEvents(listeners), RETRY_MS);
  };
  for (const [name, listener] of Object.entries(listeners))
    feed.addEventListener(name, (event) => listener(JSON.parse(event.data)));
}

/** Shows the sign-in form; the page reloads after sign-in. */
export function askToSignIn() {
  if (byId("sign-in")) return;
  showConnection("sign in to see live data");
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
  token.focus();
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
