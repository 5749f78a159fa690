// Starts `tollkeeper demo` and this shop on top of it: no Stripe account needed. `cargo xtask example` runs it.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const program = process.env.TOLLKEEPER_BIN ?? "tollkeeper";
const demo = spawn(program, ["demo", ...process.argv.slice(2)], { stdio: ["ignore", "pipe", "inherit"] });
demo.on("error", (error) => {
  console.error(`Cannot start ${program}: ${error.message}. TOLLKEEPER_BIN names another one.`);
  process.exit(1);
});
// Neither is of use without the other.
demo.on("exit", (code) => process.exit(code ?? 1));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => demo.kill(signal));

// What the demo prints at its start says all that the shop has to know.
const said = {};
for await (const line of createInterface({ input: demo.stdout })) {
  console.log(line);
  const [, name, value] = /^([^:]+): (.*)$/.exec(line) ?? [];
  if (name) said[name] = value;
  if (said["API key"] && said["Stripe stand-in"]) break;
}
Object.assign(process.env, {
  TOLLKEEPER_URL: new URL(said.URL).origin,
  TOLLKEEPER_API_KEY: said["API key"],
  STRIPE_SECRET_KEY: "sk_test_example",
  STRIPE_API_BASE: said["Stripe stand-in"],
  PRICES: process.env.PRICES ?? "price_DemoProMonthly,price_DemoLifetime",
});
await import("./server.mjs");
