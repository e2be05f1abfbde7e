/** The parts of the shell that act: connection state, the feed of events, signing in and out. */
import { byId, element } from "/ui/dom.js";

/** Says in the header how the page is connected. */
export function showConnection(text, isLost = false) {
  const place = byId("connection");
  // A reader that speaks would otherwise repeat the same words.
  if (place.textContent !== text) place.textContent = text;
  place.classList.toggle("lost", isLost);
}

/**
 * Calls back for each event of the service, and keeps the connection state up to date. Without a session there are no
 * events.
 * @param listeners by the event's name; each is given the value that the event carries.
 */
export function watchEvents(listeners) {
  if (byId("sign-in")) return;
  const feed = new EventSource("/events");
  feed.onopen = () => showConnection("live");
  feed.onerror = () => {
    showConnection("connection lost; trying again", true);
    // The browser gives up by itself if it is answered with an error, as a proxy does while the service restarts.
    if (feed.readyState === EventSource.CLOSED) setTimeout(() => watchEvents(listeners), RETRY_MS);
  };
  for (const [name, listener] of Object.entries(listeners))
    feed.addEventListener(name, (event) => listener(JSON.parse(event.data)));
}

/** Shows the form; the page loads again once the token is right. */
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
  else showConnection("signing out failed; try again", true);
});

/** As long as the browser itself waits: the service tells it so. */
const RETRY_MS = 2_000;
