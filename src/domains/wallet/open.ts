/** Routes, live balances and metrics. */
import type { DomainContext, DomainService } from "../../contract/domain.ts";
import { walletUser } from "./authenticate.ts";
import { receiptOf, walletDecisions } from "./decisions.ts";
import type { Folded } from "./fold.ts";
import { createMetrics } from "./metrics.ts";
import { commandRoutes } from "./routes/commands.ts";
import { LiveBalances } from "./routes/live.ts";
import { readRoutes } from "./routes/reads.ts";
import type { WalletSettings } from "./settings.ts";

export function openWallet(context: DomainContext, settings: WalletSettings): DomainService<Folded> {
  const { answerSeconds } = settings;
  const { projected, answered } = createMetrics(context);
  const user = walletUser(settings);
  const decisions = walletDecisions(context);
  const live = new LiveBalances(context.database);
  return {
    routes: [
      ...commandRoutes({ context, user, decisions, answerSeconds, answered }),
      // Must precede `/wallet/balances/:currency`.
      live.route(user),
      ...readRoutes({ context, user, answerSeconds }),
    ],
    page: { title: "Wallet", folder: new URL("ui/", import.meta.url) },
    onProjected: (added) => {
      for (const folded of added) decisions.made(folded.transaction.position, () => receiptOf(folded));
      projected(added);
    },
    close: () => live.close(),
  };
}
