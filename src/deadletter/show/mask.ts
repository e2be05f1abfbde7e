/**
 * Masks personal data: text enters, text of the same length leaves, so that ranges stay valid. In JSON a value is masked
 * by its path if the schema has it, otherwise by the names along its path; e-mail addresses and phone numbers are masked
 * everywhere. For other text, also in a document after the token that breaks it, masking relies on patterns and is best
 * effort.
 */
import type { StoredBytes, StoredHeaders } from "../../contract/headers.ts";
import type { Problem } from "../../contract/rejection.ts";
import { walkableLength, walkJson } from "./json-walk.ts";
import type { Range } from "./locate.ts";
import { MASK, maskContacts, maskNamed, namedPattern } from "./patterns.ts";

/** See `contract/domain.ts`. */
export type PersonalData = Readonly<{
  personalNames: readonly string[];
  personalPaths?: readonly string[];
  paths: readonly string[];
}>;

export class Mask {
  static readonly none = new Mask({ personalNames: [], paths: [] });

  readonly #names: ReadonlySet<string>;
  readonly #named: RegExp | undefined;
  readonly #root: Place;
  /** Judging a name takes a microsecond, and a document can hold one name a hundred thousand times. */
  readonly #judgedNames = new Map<string, boolean>();

  constructor({ personalNames, personalPaths, paths }: PersonalData) {
    this.#names = new Set(personalNames.map((name) => name.toLowerCase()));
    const lastName = (path: string) => path.slice(path.lastIndexOf("/") + 1);
    const personal = personalPaths ?? paths.filter((path) => this.#names.has(lastName(path).toLowerCase()));
    this.#named = namedPattern([...new Set([...personalNames, ...personal.map(lastName)])]);
    this.#root = placesOf(paths, personal);
  }

  get hidesNothing(): boolean {
    return this.#names.size === 0 && !this.#root.hasPersonal;
  }

  text(text: string): string {
    return this.part(text, { start: 0, end: text.length }, walkableLength(text));
  }

  /** The text before the part gives the context. @param walkable see `walkableLength`. */
  part(text: string, { start, end }: Range, walkable: number): string {
    if (this.hidesNothing) return text.slice(start, end);
    const split = Math.min(Math.max(walkable, start), end);
    const known = start < split ? maskContacts(this.#document(text, { start, end: split })) : "";
    if (split === end) return known;
    const from = Math.max(0, split - CONTEXT_LENGTH);
    const hidden = Math.min(end, Math.max(split, this.#personalEnd(text, walkable)));
    const guessed = this.#pattern(text.slice(from, end)).slice(hidden - from);
    return known + MASK.repeat(hidden - split) + guessed;
  }

  /** @returns the end of the personal value or object that is broken at `walkable`. */
  #personalEnd(text: string, walkable: number): number {
    if (walkable === 0) return 0;
    const visitor = { member: this.#below, element: elementOf, value: () => {} };
    const { container, place } = walkJson<Place>(text, this.#root, visitor, walkable);
    if (!place.isPersonal) return walkable;
    const close = container?.isPersonal ? /[}\]]/g : /[,}\]]/g;
    close.lastIndex = walkable;
    return close.exec(text)?.index ?? text.length;
  }

  /** Masked bytes become asterisks. */
  bytes(bytes: Buffer, { start, end }: Range = { start: 0, end: bytes.length }): Buffer {
    if (this.hidesNothing) return bytes.subarray(start, end);
    // A character for each byte, so that ranges stay valid.
    const text = bytes.toString("latin1");
    const masked = this.part(text, { start, end }, walkableLength(text));
    return Buffer.from(masked.replaceAll(MASK, "*"), "latin1");
  }

  problem<P extends Problem>(problem: P): P {
    if (this.hidesNothing) return problem;
    const { path, received, excerpt } = problem;
    const place = path
      .split("/")
      .slice(1)
      .reduce(
        (above, step) => this.#below(above, step.replaceAll("~1", "/").replaceAll("~0", "~")),
        this.#root,
      );
    const isContainer = received === "object" || received === "array";
    const isHidden = place.isPersonal || (place.hasPersonal && !isContainer);
    return {
      ...problem,
      path: maskContacts(path),
      ...(excerpt === undefined ? {} : { excerpt: isHidden ? MASKED : this.#pattern(excerpt) }),
    };
  }

  /** Headers are masked by name, other values by pattern. */
  headers(stored: StoredHeaders): StoredHeaders {
    if (this.hidesNothing) return stored;
    const { headers, key, ...rest } = stored;
    const masked = (value: StoredBytes, name: StoredBytes): StoredBytes => {
      if (value === null) return null;
      const isHidden = typeof value !== "string" || (typeof name === "string" && this.#isPersonalName(name));
      return isHidden ? MASKED : this.#pattern(value);
    };
    return {
      ...(headers ? { headers: headers.map(([name, value]) => [name, masked(value, name)] as const) } : {}),
      ...(key === undefined ? {} : { key: masked(key, null) }),
      ...rest,
    };
  }

  #pattern(text: string): string {
    return maskContacts(maskNamed(text, this.#named));
  }

  #document(text: string, { start, end }: Range): string {
    let masked = "";
    let shownUpTo = start;
    const hide = (from: number, to: number) => {
      const first = Math.max(from, start);
      const last = Math.min(to, end);
      if (first >= last) return;
      masked += text.slice(shownUpTo, first) + MASK.repeat(last - first);
      shownUpTo = last;
    };
    walkJson<Place>(
      text,
      this.#root,
      {
        member: this.#below,
        element: elementOf,
        value: (place, from, to, kind) => {
          const isText = kind === "text";
          const isHidden = place.isPersonal || place.hasPersonal || (isText && isDocumentInText(text, from));
          if (!isHidden || kind === "container" || text.startsWith("null", from)) return;
          hide(isText ? from + 1 : from, isText ? to - 1 : to);
        },
      },
      end,
    );
    return masked + text.slice(shownUpTo, end);
  }

  readonly #below = (place: Place, name: string): Place => {
    if (place === PERSONAL) return PERSONAL;
    const known = place.members.get(name) ?? (/^\d+$/.test(name) ? place.members.get("#") : undefined);
    return known ?? (this.#isPersonalName(name) ? PERSONAL : UNKNOWN);
  };

  #isPersonalName(name: string): boolean {
    const known = this.#judgedNames.get(name);
    if (known !== undefined) return known;
    if (this.#judgedNames.size === JUDGED_NAMES_MAX) this.#judgedNames.clear();
    const isPersonal = this.#hasPersonalWord(name);
    this.#judgedNames.set(name, isPersonal);
    return isPersonal;
  }

  /** Case-insensitive, also by word: `Email`, `customer_email`, `customerEmail`. */
  #hasPersonalWord(name: string): boolean {
    const cut = name.slice(0, NAME_LENGTH_MAX);
    if (this.#names.has(cut.toLowerCase())) return true;
    const words = cut
      .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
      .toLowerCase()
      .split(/[^\p{L}\p{N}]+/u);
    return words.some((word) => this.#names.has(word));
  }
}

type Place = Readonly<{
  /** By name; `#` for array elements. */
  members: ReadonlyMap<string, Place>;
  /** The whole subtree is personal. */
  isPersonal: boolean;
  /** A descendant is personal. */
  hasPersonal: boolean;
}>;

const UNKNOWN: Place = { members: new Map(), isPersonal: false, hasPersonal: false };
const PERSONAL: Place = { members: new Map(), isPersonal: true, hasPersonal: false };

function placesOf(paths: readonly string[], personal: readonly string[], path = ""): Place {
  if (personal.includes(path)) return PERSONAL;
  const members = new Map<string, Place>();
  for (const known of paths) {
    const step = known.slice(path.length + 1);
    if (!known.startsWith(`${path}/`) || step.includes("/")) continue;
    members.set(step.replaceAll("~1", "/").replaceAll("~0", "~"), placesOf(paths, personal, known));
  }
  const hasPersonal = [...members.values()].some((member) => member.isPersonal || member.hasPersonal);
  return { members, isPersonal: false, hasPersonal };
}

function elementOf(place: Place): Place {
  if (place === PERSONAL) return PERSONAL;
  return place.members.get("#") ?? (place.hasPersonal ? PERSONAL : UNKNOWN);
}

/** JSON inside a string; it is masked as a whole. */
function isDocumentInText(text: string, start: number): boolean {
  return /^"\s{0,64}[{[]/.test(text.slice(start, start + 66));
}

const MASKED = "•••";

/** Maximum distance between a name and the part. */
const CONTEXT_LENGTH = 16 * 1024;

/** Longer than any personal name. */
const NAME_LENGTH_MAX = 128;

/** Above the names of one document that is not refused for having more. */
const JUDGED_NAMES_MAX = 1_000;
