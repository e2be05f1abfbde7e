/** The kit of loms. */
import { COMMAND_BYTES_MAX } from "../../../src/domains/loms/commands.ts";
import { loms } from "../../../src/domains/loms/index.ts";
import type { DomainKit } from "../kit.ts";
import { LOMS_DASHBOARD } from "./dashboard.ts";
import { type CommandDocument, LomsFactory } from "./factory.ts";
import { LOMS_GARBAGE, LOMS_HOSTILE } from "./garbage.ts";
import { LomsWitness } from "./witness.ts";

export const lomsKit: DomainKit = {
  domain: loms,
  messageNoun: "loms command",
  intake: (payload) => ({ path: "/loms/commands", body: payload }),
  documentBytesMax: COMMAND_BYTES_MAX,
  createFactory: (seed, run) => new LomsFactory(seed, run),
  garbage: LOMS_GARBAGE,
  hostile: LOMS_HOSTILE,
  readBack: {
    noun: "commands",
    request: (id) => ({
      path: `/loms/commands/${encodeURIComponent(id)}`,
      headers: process.env.INGRESS_TOKEN ? { authorization: `Bearer ${process.env.INGRESS_TOKEN}` } : {},
    }),
    // Any content may have come first.
    compare: (answer, published) =>
      published.some((payload) => isAbout(JSON.parse(answer.toString()), JSON.parse(payload.toString())))
        ? "complete"
        : "different",
  },
  createWitness: () => new LomsWitness(),
  addresses: {},
  dashboard: LOMS_DASHBOARD,
  pictures: {
    page: { name: "loms", path: "/" },
    letter: (factory) => ({
      payload: Buffer.from(factory.valid().payload.toString().replace(/^{/, '{"coupon":"x",')),
      mend: (text) => text.replace('"coupon":"x",', ""),
    }),
    commonPath: "/items/#/count",
  },
};

function isAbout(answer: Partial<CommandDocument>, command: CommandDocument): boolean {
  if (answer.type !== command.type || answer.id !== command.id) return false;
  return command.type !== "order.create" || sumsOf(answer.items) === sumsOf(command.items);
}

/** Count per SKU, as text. */
function sumsOf(items: unknown): string {
  const counts = new Map<number, number>();
  for (const { sku, count } of items as { sku: number; count: number }[])
    counts.set(sku, (counts.get(sku) ?? 0) + count);
  return JSON.stringify([...counts].sort(([one], [other]) => one - other));
}
