/** `waybill notify test`: sends a sample alert to the webhook of NOTIFY_URL and prints the result. */
import { randomUUID } from "node:crypto";
import { loadNotify } from "../config/config.ts";
import { InvalidInputError } from "../contract/errors.ts";
import { sendNotice } from "../notify/webhook.ts";
import { Command, exits, JSON_HELP } from "./command.ts";
import { print, printJson } from "./print.ts";

export function notifyCommand() {
  return new Command("notify").description("Check the webhook that alerts are sent to.").addCommand(
    new Command("test")
      .description("Send a sample alert to NOTIFY_URL, as resolved, and print the answer's status.")
      .option("--json", JSON_HELP)
      .addHelpText("after", "\nExit status: 0 delivered; 1 not delivered; 2 bad usage or configuration.")
      .action(
        exits(async ({ json }) => {
          const { url, format, secret } = loadNotify();
          if (url === undefined) throw new InvalidInputError("NOTIFY_URL", "NOTIFY_URL is not set");
          const now = new Date();
          const alert = {
            kind: "dead_letter_surge",
            labels: { domain: "sample" },
            severity: "ticket",
            summary: "This is a test of the webhook; nothing happened.",
          } as const;
          const { isDelivered, result } = await sendNotice(
            { url, format, secret },
            { id: randomUUID(), alert, state: "resolved", startedAt: now, endedAt: now },
            new AbortController().signal,
          );
          if (json) printJson({ delivered: isDelivered, result });
          else print(isDelivered ? `Delivered: ${result}.` : `Not delivered: ${result}.`);
          return isDelivered ? 0 : 1;
        }),
      ),
  );
}
