// Starts the stand-in for a test file, and finds the official Stripe CLI.
import { spawn, execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import Stripe from "stripe";

export const KEY = "sk_test_51Counterparts0000";
const here = path.dirname(fileURLToPath(import.meta.url));
const binary = process.env.STANDIN_BIN ?? path.resolve(here, "../../target/debug/stripe-standin");

/** Starts the program and answers its address and a way to stop it. */
export async function startStandin(...args) {
  const child = spawn(binary, ["--listen", "127.0.0.1:0", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const failed = once(child, "error").then(([error]) => {
    throw new Error(`cannot start ${binary}: ${error.message}; build it with 'cargo build -p standin'`);
  });
  const lines = createInterface({ input: child.stdout });
  const [url] = await Promise.race([once(lines, "line"), failed]);
  return {
    url,
    async stop() {
      const exit = once(child, "exit");
      child.kill("SIGTERM");
      const [code] = await exit;
      return code;
    },
  };
}

/** The official client, pointed at the stand-in. */
export function client(url, config = {}) {
  const { hostname, port } = new URL(url);
  return new Stripe(KEY, { host: hostname, port, protocol: "http", telemetry: false, maxNetworkRetries: 0, ...config });
}

/** A receiver of webhooks that keeps raw bodies and signatures. */
export async function startReceiver() {
  const deliveries = [];
  const waiting = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    deliveries.push({ body: Buffer.concat(chunks), signature: request.headers["stripe-signature"] });
    response.end("ok");
    waiting.splice(0).forEach((check) => check());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/hook`,
    deliveries,
    /** Waits for the first delivery that `test` likes, but not for ever. */
    async until(test) {
      const deadline = AbortSignal.timeout(20_000);
      for (;;) {
        const found = deliveries.find(test);
        if (found) return found;
        await new Promise((resolve, reject) => {
          waiting.push(resolve);
          deadline.addEventListener("abort", () => reject(new Error(`only ${deliveries.length} deliveries came`)));
        });
      }
    },
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** Runs `stripe trigger` against the stand-in with a home folder of its own. */
export async function trigger(url, event) {
  const home = await mkdtemp(path.join(tmpdir(), "stripe-cli-"));
  const own = { HOME: home, XDG_CONFIG_HOME: home, STRIPE_API_KEY: KEY, STRIPE_CLI_TELEMETRY_OPTOUT: "1" };
  const options = { env: { ...process.env, ...own }, timeout: 60_000 };
  try {
    const { stdout, stderr } = await promisify(execFile)(cli(), ["trigger", event, "--api-base", url], options);
    return stdout + stderr;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

// The package brings one program per platform; the launcher script needs an install step that may have been left out.
function cli() {
  if (process.env.STRIPE_CLI) return process.env.STRIPE_CLI;
  const name = `@stripe/cli-${process.platform}-${process.arch}`;
  const root = createRequire(import.meta.url).resolve(`${name}/package.json`);
  return path.join(path.dirname(root), "bin", process.platform === "win32" ? "stripe.exe" : "stripe");
}
