/**
 * Who acts. The name of a named token signs every action, so pages do not ask for it; with a shared token the operator types
 * a name, which this browser keeps. Pages mark the field by `autocomplete="name"`.
 */
import { element } from "/ui/dom.js";
import { signedIn } from "/ui/signed-in.js";

const { name, role } = await signedIn;

/** Why the role cannot act; undefined if it can. */
export const obstacle =
  role === "reader"
    ? "Your role is reader: you see everything masked, and only operators can act."
    : undefined;

/** Attributes of action buttons outside of the form. */
export const ifAllowed = obstacle === undefined ? {} : { disabled: "", title: obstacle };

export function author() {
  return name ?? localStorage.getItem("waybill-author") ?? "";
}

export function remember(typed) {
  if (name === null) localStorage.setItem("waybill-author", typed);
}

/** Disables buttons that a page adds later, too. */
function disable(form) {
  form.replaceChildren(
    element("p", { class: "quiet" }, [obstacle]),
    element("fieldset", { class: "plain", disabled: "" }, [...form.childNodes]),
  );
}

for (const field of document.querySelectorAll('input[autocomplete="name"]')) {
  if (name !== null) {
    field.value = name;
    field.closest("label").hidden = true;
  }
  if (obstacle !== undefined) disable(field.form);
}
