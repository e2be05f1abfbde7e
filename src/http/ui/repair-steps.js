/** The steps of a transformation as a form. */
import { button, element } from "/ui/dom.js";

/**
 * @param list the element of the steps.
 * @param onChange called after each change.
 */
export function openSteps(list, onChange) {
  const rows = [];

  const add = (step) => {
    const row = makeRow(step, onChange, () => {
      const index = rows.indexOf(row);
      rows.splice(index, 1);
      row.item.remove();
      number(rows);
      // Otherwise the focus is lost with the button.
      (rows[Math.min(index, rows.length - 1)]?.remove ?? document.getElementById("add-step")).focus();
      onChange();
    });
    rows.push(row);
    list.append(row.item);
    number(rows);
    return row;
  };
  return {
    add: (step = { op: "cast", path: "", to: "number" }) => add(step).choice,
    /** @returns undefined while a step lacks its path, name or expression. */
    read: () => {
      const steps = rows.map(({ read }) => read());
      return steps.length === 0 || steps.some((step) => !step) ? undefined : steps;
    },
  };
}

function number(rows) {
  for (const [index, { legend, remove }] of rows.entries()) {
    legend.textContent = `Step ${index + 1}`;
    remove.setAttribute("aria-label", `Remove step ${index + 1}`);
  }
}

function makeRow(step, onChange, onRemove) {
  const legend = element("legend");
  const choice = element(
    "select",
    {},
    Object.entries(KINDS).map(([op, { label }]) => element("option", { value: op }, [label])),
  );
  choice.value = step.op;
  const fields = element("span", { class: "fields" });
  const remove = button("Remove", onRemove, { class: "secondary" });
  let inputs = {};
  const show = (values) => {
    const { members } = KINDS[choice.value];
    inputs = Object.fromEntries(members.map((name) => [name, FIELDS[name].make(values[name])]));
    fields.replaceChildren(
      ...members.map((name) => element("label", {}, [FIELDS[name].label, " ", inputs[name]])),
    );
  };
  const { op, to, value, ...rest } = step;
  show({
    ...rest,
    ...(op === "set" ? { value: JSON.stringify(value) } : { [op === "cast" ? "type" : "name"]: to }),
  });
  choice.addEventListener("change", () => {
    show({ path: inputs.path?.value });
    onChange();
  });
  fields.addEventListener("input", onChange);
  const item = element("li", {}, [
    element("fieldset", { class: "step" }, [
      legend,
      element("label", {}, ["Action ", choice]),
      fields,
      remove,
    ]),
  ]);
  const read = () => KINDS[choice.value].read((name) => inputs[name].value);
  return { item, legend, choice, remove, read };
}

function textInput(attributes) {
  return (value = "") => {
    const input = element("input", { spellcheck: "false", autocapitalize: "none", ...attributes });
    input.value = value;
    return input;
  };
}

const FIELDS = {
  path: { label: "Path", make: textInput({ placeholder: "/items/#/price", maxlength: "500" }) },
  value: { label: "Value (JSON or text)", make: textInput({ maxlength: "10000" }) },
  name: { label: "New name", make: textInput({ maxlength: "200" }) },
  type: {
    label: "To",
    make: (value = "number") => {
      const types = {
        number: "number",
        integer: "whole number",
        string: "text",
        boolean: "true or false",
        json: "JSON in a text",
      };
      const select = element(
        "select",
        {},
        Object.entries(types).map(([type, label]) => element("option", { value: type }, [label])),
      );
      select.value = value;
      return select;
    },
  },
  expression: {
    label: "JSONata",
    make: (value = "$") => {
      const area = element("textarea", {
        rows: "3",
        spellcheck: "false",
        autocapitalize: "none",
        maxlength: "10000",
      });
      area.value = value;
      return area;
    },
  },
};

/** Each reads a step from its fields, or nothing if one is missing. */
const KINDS = {
  cast: {
    label: "Change the type",
    members: ["path", "type"],
    read: (field) => field("path") && { op: "cast", path: field("path"), to: field("type") },
  },
  set: {
    label: "Set a value",
    members: ["path", "value"],
    read: (field) => field("path") && { op: "set", path: field("path"), value: valueIn(field("value")) },
  },
  remove: {
    label: "Remove",
    members: ["path"],
    read: (field) => field("path") && { op: "remove", path: field("path") },
  },
  rename: {
    label: "Rename",
    members: ["path", "name"],
    read: (field) =>
      field("path") && field("name") && { op: "rename", path: field("path"), to: field("name") },
  },
  jsonata: {
    label: "JSONata expression",
    members: ["expression"],
    read: (field) => field("expression").trim() && { op: "jsonata", expression: field("expression") },
  },
};

/** JSON, or the text itself. A number keeps its digits if the browser can write them. */
function valueIn(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "number" && JSON.rawJSON ? JSON.rawJSON(text.trim()) : value;
  } catch {
    return text;
  }
}
