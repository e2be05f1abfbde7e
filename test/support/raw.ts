/** Raw requests, with headers that fetch would set or normalise. */
import { request } from "node:http";

export type RawAnswer = Readonly<{ status: number; body: string; headers: Record<string, unknown> }>;

export type RawRequest = Readonly<{
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}>;

export function sendRaw(
  port: number,
  { method = "GET", path, headers = {}, body }: RawRequest,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, method, path, headers }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers }),
      );
    });
    sent.once("error", reject);
    sent.end(body);
  });
}
