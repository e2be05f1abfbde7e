/** A client of the wallet over HTTP, for one user. */
import { tokenOf } from "../../../tools/domains/wallet/token.ts";

export type Answer = Readonly<{
  status: number;
  body: Readonly<Record<string, unknown>> &
    Readonly<{
      position?: string;
      status?: string | number;
      balances?: Record<string, Record<string, string>>;
    }>;
}>;

/** Sends a command under a key. @throws if there is no response. */
export async function command(url: string, user: string, key: string, body: object): Promise<Answer> {
  const response = await fetch(`${url}/wallet/commands`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${tokenOf(user)}`,
      "content-type": "application/json",
      "idempotency-key": key,
    },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

export async function read(url: string, user: string, path: string): Promise<Answer> {
  const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${tokenOf(user)}` } });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}
