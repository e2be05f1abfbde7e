/**
 * Commands of one domain by their types: each a JSON object with a `type`, an `id` and the members of its shape. Bytes
 * enter; a command or a rejection leaves. Only the shape is judged here; what needs the state of the domain to be judged
 * is a matter of its rules, and a decline there is no dead letter.
 */
import { type Type, type } from "arktype";
import { excerptOf, jsonTypeOf, type Rejection, reject } from "./rejection.ts";
import { parseJsonDocument } from "./values/json-document.ts";
import { schemaProblems } from "./values/schema-problems.ts";
import { pathsOf } from "./values/shapes.ts";

type Shapes = Readonly<Record<string, Type<object>>>;
export type CommandOf<All extends Shapes> = { [Name in keyof All]: Readonly<All[Name]["infer"]> }[keyof All];

/** The id of a command, which stands in addresses: a client normalises "." and ".." away. */
export const COMMAND_ID = /^(?!\.{1,2}$)[\x21-\x7e]{1,64}$/;
export const COMMAND_ID_DESCRIPTION =
  '1 to 64 printable ASCII characters without spaces, and not "." or ".."';

export class CommandShapes<All extends Shapes> {
  readonly types: readonly (keyof All & string)[];
  /** What the schema knows; names that a sender made up are not among it. */
  readonly paths: readonly string[];
  readonly #shapes: All;
  readonly #bytesMax: number;

  /** @param bytesMax no command needs more. It decides an outcome, so it is no setting. */
  constructor(shapes: All, bytesMax: number) {
    this.#shapes = shapes;
    this.#bytesMax = bytesMax;
    this.types = Object.keys(shapes);
    this.paths = [...new Set(Object.values(shapes).flatMap((shape) => pathsOf(shape)))];
  }

  /** Validates a payload. */
  parse(payload: Buffer): CommandOf<All> | Rejection {
    const document = parseJsonDocument(payload, this.#bytesMax);
    return "code" in document ? document : this.check(document.value);
  }

  /** Validates a document. */
  check(value: unknown): CommandOf<All> | Rejection {
    if (jsonTypeOf(value) !== "object") {
      const received = jsonTypeOf(value);
      const excerpt = excerptOf(value);
      return reject("schema", { path: "", rule: "type", expected: "an object", received, excerpt });
    }
    const { type: name } = value as { type?: unknown };
    const shape = typeof name === "string" && Object.hasOwn(this.#shapes, name) && this.#shapes[name];
    if (!shape) {
      return reject("schema", {
        path: "/type",
        rule: name === undefined ? "required" : "enum",
        expected: `one of ${this.types.join(", ")}`,
        received: name === undefined ? "nothing" : jsonTypeOf(name),
        ...(name === undefined ? {} : { excerpt: excerptOf(name) }),
      });
    }
    const checked = (shape as Type<CommandOf<All>>)(value);
    if (checked instanceof type.errors)
      return { code: "schema", problems: schemaProblems(checked, value, EXPECTATIONS) };
    return checked as CommandOf<All>;
  }
}

/** Whether two commands ask for the same, whatever the sequence of their members was. */
export function isSameCommand(one: object, other: object): boolean {
  const text = (command: object) =>
    JSON.stringify(Object.entries(command).sort(([a], [b]) => (a < b ? -1 : 1)));
  return text(one) === text(other);
}

export function isRejection(one: object): one is Rejection {
  return "problems" in one;
}

/** What the rules of the shapes expect, in words. */
const EXPECTATIONS: Readonly<Record<string, string>> = { integer: "a whole number" };
