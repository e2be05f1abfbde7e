/**
 * Reads the body of a request: at most `bytesMax` bytes leave, exactly as sent. Another coding or charset is refused
 * and not converted, so the sender learns of it at once instead of by a dead letter.
 */
import type { IncomingMessage } from "node:http";
import { TooLargeError, UnsupportedBodyError } from "./errors.ts";

export type BodyOptions = Readonly<{
  bytesMax: number;
  /** If it throws, reading ends. */
  onBytes?: (bytes: number) => void;
}>;

/** @throws UnsupportedBodyError, TooLargeError */
export async function readBody(
  request: IncomingMessage,
  { bytesMax, onBytes }: BodyOptions,
): Promise<Buffer> {
  checkCoding(request);
  if (Number(request.headers["content-length"] ?? 0) > bytesMax) throw tooLarge(bytesMax);
  const chunks: Buffer[] = [];
  let bytes = 0;
  // The server reads the rest of an unwanted body: closing the connection too early would lose the answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    onBytes?.(chunk.length);
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function checkCoding({ headers }: IncomingMessage): void {
  const coding = headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  if (coding !== "identity" && coding !== "") {
    throw new UnsupportedBodyError(
      "the body must be sent as it is, without a Content-Encoding: its bytes are stored as they come",
      { "accept-encoding": "identity" },
    );
  }
  const charset = CHARSET.exec(headers["content-type"] ?? "")?.[1]?.toLowerCase() ?? "utf-8";
  if (!CHARSETS.has(charset)) throw new UnsupportedBodyError("the charset of a body must be UTF-8");
}

function tooLarge(bytesMax: number): TooLargeError {
  return new TooLargeError(`the body may have at most ${bytesMax} bytes`);
}

const CHARSET = /;\s*charset\s*=\s*"?([^\s";]+)/i;
/** ASCII is a part of UTF-8. */
const CHARSETS: ReadonlySet<string> = new Set(["utf-8", "utf8", "us-ascii", "ascii"]);
