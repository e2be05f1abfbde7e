/** The kit of wallet. */
import { COMMAND_BYTES_MAX } from "../../../src/domains/wallet/commands.ts";
import { wallet } from "../../../src/domains/wallet/index.ts";
import type { DomainKit, Intake } from "../kit.ts";
import { WALLET_DASHBOARD } from "./dashboard.ts";
import { type CommandDocument, WalletFactory } from "./factory.ts";
import { WALLET_GARBAGE, WALLET_HOSTILE } from "./garbage.ts";
import { SECRET, tokenOf } from "./token.ts";
import { WalletWitness } from "./witness.ts";

export const walletKit: DomainKit = {
  domain: wallet,
  messageNoun: "wallet command",
  intake,
  environment: { WALLET_JWT_SECRET: SECRET },
  documentBytesMax: COMMAND_BYTES_MAX,
  createFactory: (seed, run) => new WalletFactory(seed, run),
  garbage: WALLET_GARBAGE,
  hostile: WALLET_HOSTILE,
  readBack: {
    noun: "commands",
    request: (key) => {
      const [owner = "", id = ""] = key.split(" ");
      return {
        path: `/wallet/commands/${encodeURIComponent(id)}`,
        headers: { authorization: `Bearer ${tokenOf(owner)}` },
      };
    },
    // Any content may have come first.
    compare: (answer, published) =>
      published.some((payload) => isAbout(JSON.parse(answer.toString()), JSON.parse(payload.toString())))
        ? "complete"
        : "different",
  },
  createWitness: () => new WalletWitness(),
  addresses: { wallet: "/ui/wallet/" },
  signIn: () => tokenOf("ann"),
  dashboard: WALLET_DASHBOARD,
  pictures: {
    page: { name: "wallet", path: "/ui/wallet/" },
    letter: (factory) => ({
      payload: Buffer.from(factory.valid().payload.toString().replace(/^{/, '{"fee":"0.10",')),
      mend: (text) => text.replace('"fee":"0.10",', ""),
    }),
    commonPath: "/amount",
  },
};

/** As the user, with the id as the key; an invalid payload is sent unchanged. */
function intake(payload: Buffer): Intake {
  const { owner, id, ...command } = documentOf(payload);
  const isAsUser = typeof owner === "string" && typeof id === "string" && /^[\x21-\x7e]{1,64}$/.test(`${id}`);
  const headers = {
    authorization: `Bearer ${tokenOf(isAsUser ? owner : "publisher")}`,
    "content-type": "application/json",
    "idempotency-key": isAsUser ? id : crypto.randomUUID(),
  };
  return {
    path: "/wallet/commands",
    headers,
    body: isAsUser ? Buffer.from(JSON.stringify(command)) : payload,
  };
}

function documentOf(payload: Buffer): Partial<Record<string, unknown>> {
  try {
    return Object(JSON.parse(payload.toString()));
  } catch {
    return {};
  }
}

function isAbout(answer: Partial<CommandDocument>, command: CommandDocument): boolean {
  if (answer.type !== command.type || answer.id !== command.id) return false;
  if (command.currency !== undefined && answer.currency !== command.currency) return false;
  const isSameAmount = Number(answer.amount) === Number(command.amount);
  return command.amount === undefined || answer.amount === undefined || isSameAmount;
}
