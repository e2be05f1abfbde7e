/** Valid messages, garbage, exact copies, and used ids with other content. */
import { InvalidInputError } from "../../src/contract/errors.ts";
import type { DomainKit, KitMessage, MessageFactory } from "../domains/kit.ts";
import { makeGarbage } from "./garbage.ts";

export type Mix = Readonly<{ garbage: number; duplicates: number; conflicts: number }>;

/** @throws InvalidInputError if they sum to more than 1. */
export function readMix({ garbage, duplicates, conflicts }: Mix): Mix {
  if (garbage + duplicates + conflicts > 1) {
    throw new InvalidInputError("garbage", "--garbage, --duplicates and --conflicts add up to more than 1");
  }
  return { garbage, duplicates, conflicts };
}

/** `given`: from a file or standard input. */
export type Load =
  | KitMessage
  | Readonly<{ kind: "given"; payload: Buffer; key?: undefined; becomes?: undefined }>;

/** @param mix fractions of all messages. */
export function* makeLoad(
  kit: DomainKit,
  factory: MessageFactory,
  count: number,
  mix: Mix,
): Generator<KitMessage> {
  const recent: KitMessage[] = [];
  for (let made = 0; made < count; made++) {
    const draw = factory.random();
    if (draw < mix.garbage) {
      const { payload, code, paths } = makeGarbage(kit, factory);
      yield { kind: "garbage", payload, becomes: { outcome: "dead", code, paths } };
    } else if (draw < mix.garbage + mix.duplicates && recent.length > 0) {
      yield { ...factory.pick(recent), kind: "duplicate", becomes: { outcome: "duplicate" } };
    } else if (draw < mix.garbage + mix.duplicates + mix.conflicts && recent.length > 0) {
      yield factory.conflictWith(factory.pick(recent));
    } else {
      const message = factory.valid();
      if (recent.length < RECENT) recent.push(message);
      else recent[made % RECENT] = message;
      yield message;
    }
  }
}

/** Repeats are recent, like a sender's retries. */
const RECENT = 500;
