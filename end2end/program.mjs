// The program under test: started on a free port with a folder of its own, stopped afterwards.
import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
/** The program under test. */
export const binary = process.env.TOLLKEEPER_BIN ?? path.join(root, "target/debug/tollkeeper");

/** Where databases lie: in memory where that can be, since what the tests wait for must not wait for a busy disk. */
const storage = fs.existsSync("/dev/shm") ? "/dev/shm" : os.tmpdir();

/** The settings of the machine must not reach the program. */
function environment(extra) {
  const kept = ["PATH", "HOME", "LANG", "RUST_BACKTRACE"];
  return { ...Object.fromEntries(kept.filter((name) => name in process.env).map((name) => [name, process.env[name]])), ...extra };
}

/** Starts `tollkeeper COMMAND ARG…`; see `run`. */
const start = (command, args, wanted, extra) => run(binary, [command, ...args], wanted, extra);

/**
 * Starts a program and waits until what it says answers every pattern of `wanted`.
 * `found` holds the first group of each; `log()` is everything the program said; `stop()` ends it as an operator would.
 */
export async function run(file, args, wanted, extra = {}) {
  const command = [path.basename(file), ...args].join(" ");
  const folder = fs.mkdtempSync(path.join(storage, "tollkeeper-e2e-"));
  const program = spawn(file, args, { cwd: folder, env: environment({ TMPDIR: folder, ...extra }), stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  const ended = new Promise((resolve) => program.on("exit", (code, signal) => resolve(signal ?? code)));
  const found = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${command} did not get ready:\n${log}`)), 120_000);
    const read = (chunk) => {
      log += chunk;
      const matches = Object.entries(wanted).map(([name, pattern]) => [name, log.match(pattern)?.[1]]);
      if (matches.every(([, match]) => match !== undefined)) {
        clearTimeout(timer);
        resolve(Object.fromEntries(matches));
      }
    };
    program.stdout.on("data", read);
    program.stderr.on("data", read);
    program.on("error", reject);
    ended.then((how) => reject(new Error(`${command} ended early with ${how}:\n${log}`)));
  });
  return {
    found,
    folder,
    log: () => log,
    async stop() {
      program.kill("SIGTERM");
      const how = await ended;
      fs.rmSync(folder, { recursive: true, force: true });
      if (how !== 0) throw new Error(`${command} ended with ${how}:\n${log}`);
    },
  };
}

/** The demonstration: a filled database, a stand-in for Stripe, one owner. */
export async function demo() {
  const program = await start("demo", ["--listen", "127.0.0.1:0"], {
    url: /^URL: (http:\/\/\S+)$/m,
    email: /^E-mail: (\S+)$/m,
    password: /^Password: (\S+)$/m,
    apiKey: /^API key: (\S+)$/m,
    stripe: /^Stripe stand-in: (\S+)$/m,
  });
  return { ...program, ...program.found, origin: new URL(program.found.url).origin };
}

/** A first start on an empty database, with these settings: `setup` is the one-time link it prints. */
export async function firstStart(settings = {}, listen = "127.0.0.1:0") {
  const program = await start("serve", ["--listen", listen], { setup: /(http:\/\/\S+\/admin\/setup\?token=[\w-]+)/ }, settings);
  return { ...program, ...program.found, origin: new URL(program.found.setup).origin };
}

/** A port that nobody listens at. */
export async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
