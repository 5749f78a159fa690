// The example shop of examples/node-express, started on a free port.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./program.mjs";

const server = path.join(path.dirname(fileURLToPath(import.meta.url)), "../examples/node-express/server.mjs");

/** A shop on top of a demonstration; `settings` lie over those that fit it. */
export async function shop(program, settings = {}) {
  const started = await run(process.execPath, [server], { url: /^Example shop: (http:\/\/\S+)\/$/m }, {
    PORT: "0",
    TOLLKEEPER_URL: program.origin,
    TOLLKEEPER_API_KEY: program.apiKey,
    STRIPE_SECRET_KEY: "sk_test_example",
    STRIPE_API_BASE: program.stripe,
    PRICES: "price_DemoProMonthly,price_DemoLifetime",
    ...settings,
  });
  return { ...started, origin: started.found.url };
}
