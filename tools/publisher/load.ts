/** What is published: a stream of valid messages, garbage, exact copies, and used ids with other content. */
import { InvalidInputError } from "../../src/contract/errors.ts";
import type { DomainKit, KitMessage, MessageFactory } from "../domains/kit.ts";
import { makeGarbage } from "./garbage.ts";

export type Mix = Readonly<{ garbage: number; duplicates: number; conflicts: number }>;

/** @throws InvalidInputError if the fractions are more than the whole. */
export function readMix({ garbage, duplicates, conflicts }: Mix): Mix {
  if (garbage + duplicates + conflicts > 1) {
    throw new InvalidInputError("garbage", "--garbage, --duplicates and --conflicts add up to more than 1");
  }
  return { garbage, duplicates, conflicts };
}

/** What can be published: made by a kit, or given from outside as raw bytes. */
export type Load =
  | KitMessage
  | Readonly<{ kind: "given"; payload: Buffer; key?: undefined; becomes?: undefined }>;

/** Makes `count` messages. @param mix fractions of the whole. */
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

/** Copies and conflicts are of messages that were made not long ago, as a sender's retry is. */
const RECENT = 500;
