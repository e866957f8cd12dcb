// Evaluates every flag for the visitor of the request with GrowthBook's own SDK, and answers as an OFREP bulk evaluation would.

import { GrowthBookClient } from "@growthbook/growthbook";
import payload from "./payload.json";

const client = new GrowthBookClient().initSync({ payload });
const keys = Object.keys(payload.features);

export default {
  async fetch(request) {
    const { context } = await request.json();
    const user = { attributes: { id: context.targetingKey, ...context } };
    const flags = keys.map((key) => {
      const { value, source, ruleId, experimentResult } = client.evalFeature(key, user);
      return { key, value, reason: source, variant: experimentResult?.key ?? ruleId };
    });
    return Response.json({ flags });
  },
};
