/**
 * The commands of one domain, by type: bytes enter; a command or a rejection leaves. Rules that need the domain's state
 * are checked elsewhere, and what those decline is not a dead letter.
 */
import { type Type, type } from "../config/types.ts";
import { excerptOf, jsonTypeOf, type Rejection, reject } from "./rejection.ts";
import { parseJsonDocument } from "./values/json-document.ts";
import { schemaProblems } from "./values/schema-problems.ts";
import { pathsOf } from "./values/shapes.ts";

type Shapes = Readonly<Record<string, Type<object>>>;
export type CommandOf<All extends Shapes> = { [Name in keyof All]: Readonly<All[Name]["infer"]> }[keyof All];

/** Ids stand in addresses, and clients normalise "." and ".." away. */
export const COMMAND_ID = /^(?!\.{1,2}$)[\x21-\x7e]{1,64}$/;
export const COMMAND_ID_DESCRIPTION =
  '1 to 64 printable ASCII characters without spaces, and not "." or ".."';

export class CommandShapes<All extends Shapes> {
  readonly types: readonly (keyof All & string)[];
  /** Never names that a sender made up. */
  readonly paths: readonly string[];
  readonly #shapes: All;
  readonly #bytesMax: number;

  /** @param bytesMax a constant, because it decides outcomes. */
  constructor(shapes: All, bytesMax: number) {
    this.#shapes = shapes;
    this.#bytesMax = bytesMax;
    this.types = Object.keys(shapes);
    this.paths = [...new Set(Object.values(shapes).flatMap((shape) => pathsOf(shape)))];
  }

  parse(payload: Buffer): CommandOf<All> | Rejection {
    const document = parseJsonDocument(payload, this.#bytesMax);
    return "code" in document ? document : this.check(document.value);
  }

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

/** The order of members does not count. */
export function isSameCommand(first: object, second: object): boolean {
  const text = (command: object) =>
    JSON.stringify(Object.entries(command).sort(([a], [b]) => (a < b ? -1 : 1)));
  return text(first) === text(second);
}

export function isRejection(result: object): result is Rejection {
  return "problems" in result;
}

const EXPECTATIONS: Readonly<Record<string, string>> = { integer: "a whole number" };
