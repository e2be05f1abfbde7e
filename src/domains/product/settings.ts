/** Environment variables of products. */
import { integerBetween } from "../../config/rules.ts";
import type { SettingsOf } from "../../config/settings.ts";

export type ProductSettings = Readonly<{
  callsPerSecond: number;
}>;

export const PRODUCT_SETTINGS: SettingsOf<ProductSettings> = {
  callsPerSecond: {
    variable: "PRODUCT_CALLS_PER_SECOND",
    fallback: "1000",
    rule: integerBetween(1, 1_000_000),
    description:
      "Most calls that one process answers per second. It refuses more with RESOURCE_EXHAUSTED (429).",
    unit: "calls per second",
  },
};
