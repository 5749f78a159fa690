// The example shop of examples/node-express, started on a free port.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { binary, run } from "./program.mjs";

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), "../examples/node-express");
const wanted = { url: /^Example shop: (http:\/\/\S+)\/$/m };

/** A shop on top of a demonstration; `settings` lie over those that fit it. */
export async function shop(program, settings = {}) {
  const started = await run(process.execPath, [path.join(folder, "server.mjs")], wanted, {
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

/** The shop together with a demonstration of its own, as `cargo xtask example` starts them. */
export async function shopWithDemo() {
  const script = [path.join(folder, "with-demo.mjs"), "--listen", "127.0.0.1:0"];
  const started = await run(process.execPath, script, wanted, { PORT: "0", TOLLKEEPER_BIN: binary });
  return { ...started, origin: started.found.url };
}
