/** Opens the RPCs, routes and metrics of loms. */
import type { DomainContext, DomainService } from "../../contract/domain.ts";
import { served } from "../../contract/rpc.ts";
import { LomsService } from "../../proto/marketplace/loms/v1/loms_pb.ts";
import { lomsDecisions } from "./decisions.ts";
import type { Folded } from "./fold.ts";
import { createMetrics } from "./metrics.ts";
import { lomsRoutes } from "./routes.ts";
import { lomsRpcs } from "./rpcs.ts";

export function openLoms(context: DomainContext): DomainService<Folded> {
  const count = createMetrics(context);
  const decisions = lomsDecisions(context);
  return {
    routes: lomsRoutes(context),
    rpcs: [served(LomsService, lomsRpcs(context, decisions))],
    onProjected: (added) => {
      for (const { decided } of added) decisions.made(decided.position, () => decided);
      count(added);
    },
  };
}
