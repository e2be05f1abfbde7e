import { complain as complainOfLoad } from "/ui/api.js";
import { byId, cell, element, time } from "/ui/dom.js";
import { update } from "/ui/live.js";
import { showConnection } from "/ui/shell.js";
import { ask, follow, newKey, Refused, tokenOfTab, userOf } from "/ui/wallet/client.js";

/** The form's request, until it is decided. */
let asked;
/** Of the oldest shown page. */
let next = null;
/** Entries of the statement, newest first. */
let shown = [];

function begin() {
  start().catch((error) =>
    error.status === 401 ? complain(error) : complainOfLoad(byId("answer"), error, begin),
  );
}

async function start() {
  if (tokenOfTab.read() === null) return showSignIn();
  showConnection("connecting…");
  byId("user").textContent = userOf(tokenOfTab.read()) ?? "";
  const { document } = await ask("/wallet/currencies");
  const codes = document.currencies.filter(({ enabled }) => enabled).map(({ code }) => code);
  byId("currency").replaceChildren(...codes.map((code) => element("option", {}, [code])));
  await showNewest();
  byId("wallet").hidden = false;
  say("");
  void watch();
}

function showSignIn(problem = "") {
  showConnection("sign in to see your wallet");
  say("");
  byId("wallet").hidden = true;
  byId("user-sign-in").hidden = false;
  byId("user-problem").textContent = problem;
  byId("user-token").focus();
}

async function watch() {
  try {
    await follow("/wallet/balances/events", ({ balances }) => {
      showConnection("live");
      showBalances(balances);
      void showNewest().catch(complain);
    });
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return complain(error);
  }
  showConnection("connection lost; reconnecting", true);
  setTimeout(watch, RETRY_MS);
}

function showBalances(balances) {
  const rows = Object.entries(balances).map(([code, { available, held }]) =>
    element("tr", { "data-key": code }, [
      cell("Currency", code),
      cell("Available", available, "number"),
      cell("Held", held, "number"),
    ]),
  );
  if (rows.length > 0) update(byId("balances"), ...rows);
}

/** Keeps the older pages that are shown, unless entries between them and the newest page are missing. */
async function showNewest() {
  const { document } = await ask("/wallet/statement");
  const { entries } = document;
  if (entries.length === 0) return showOlder(document.next);
  const known = shown.findIndex(({ position }) => position === entries.at(-1).position);
  if (known < 0) showOlder(document.next);
  shown = known < 0 ? entries : [...entries, ...shown.slice(known + 1)];
  update(byId("entries"), ...shown.flatMap(rowsOf));
}

function showOlder(position) {
  next = position;
  byId("older").hidden = next === null;
}

/** One row without changes. */
function rowsOf(entry) {
  const changes = entry.changes.length > 0 ? entry.changes : [undefined];
  return changes.map((change, index) =>
    element("tr", { "data-key": `${entry.position} ${index}` }, [
      cell("Time", time(entry.at)),
      cell("What", describe(entry, change)),
      cell("Status", entry.reason === undefined ? "succeeded" : `declined: ${wordsOf(entry.reason)}`),
      cell("Change", amountOf(change?.amount, change?.currency), "number"),
      cell("Balance after", amountOf(change?.balance_after, change?.currency), "number"),
    ]),
  );
}

function describe({ type, counterparty, incoming, amount, currency }, change) {
  const partner = counterparty === undefined ? "" : ` ${incoming ? "from" : "with"} ${counterparty}`;
  const requested = change === undefined ? ` ${amountOf(amount, currency)}` : "";
  return `${type}${requested}${partner}${change?.kind === "held" ? " (held)" : ""}`.trim();
}

const wordsOf = (reason) => reason.replaceAll("_", " ");
const amountOf = (amount, currency = "") => (amount === undefined ? "" : `${amount} ${currency}`);

/** A repeated request reuses its key, so it is performed once. */
async function move(route) {
  const body = { currency: byId("currency").value, amount: byId("amount").value.trim() };
  const same = JSON.stringify([route, body]);
  if (asked?.same !== same) asked = { same, key: newKey() };
  const { status, document } = await ask(`/wallet/${route}`, { method: "POST", body, key: asked.key });
  if (status === 202) return say("Not decided yet. Send it again to see the decision.");
  asked = undefined;
  const { available } = document.balances[body.currency];
  say(`Done. Available: ${available} ${body.currency}.`, "good");
  byId("amount").value = "";
  await refresh(document.position);
}

/** Without waiting for the next event. */
async function refresh(position) {
  const { document } = await ask(`/wallet/balances?after=${position}`);
  showBalances(document.balances);
  await showNewest();
}

/** A decided command is finished; others may be repeated with their key. */
function complain(error) {
  if (!(error instanceof Refused))
    return say(`${sentence(error.message)} It is safe to send it again.`, "bad");
  const { status, problem } = error;
  if (status === 401) {
    tokenOfTab.forget();
    return showSignIn(sentence(error.message));
  }
  if (status < 500) asked = undefined;
  const rest = problem.available === undefined ? "" : ` Available: ${problem.available} ${problem.currency}.`;
  say(`${status === 409 ? "Declined: " : ""}${sentence(error.message)}${rest}`, "bad");
  if (status === 409) void showNewest().catch(complain);
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function say(text, className = "") {
  byId("answer").replaceChildren(element("p", { class: className }, [text]));
}

byId("user-form").addEventListener("submit", (event) => {
  event.preventDefault();
  tokenOfTab.keep(byId("user-token").value.trim());
  byId("user-token").value = "";
  byId("user-sign-in").hidden = true;
  begin();
});
byId("move").addEventListener("submit", (event) => {
  event.preventDefault();
  const buttons = byId("move").querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  move(event.submitter.value)
    .catch(complain)
    .finally(() => {
      for (const button of buttons) button.disabled = false;
    });
});
byId("older").addEventListener("click", async () => {
  try {
    const { document } = await ask(`/wallet/statement?before=${next}`);
    shown = [...shown, ...document.entries];
    byId("entries").append(...document.entries.flatMap(rowsOf));
    showOlder(document.next);
  } catch (error) {
    complain(error);
  }
});
byId("sign-out").addEventListener("click", () => tokenOfTab.forget());

begin();

const RETRY_MS = 2_000;
