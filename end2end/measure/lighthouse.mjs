// Lighthouse on the five main pages, signed in, as a phone on a slow line: the median of three against the goals, as a table.
//
// The figures hold for a release build on a quiet machine: name it in TOLLKEEPER_BIN. How long the server took stands in a column of its own.
import fs from "node:fs";
import lighthouse from "lighthouse";
import { launch, open, signIn } from "../browser.mjs";
import { demo } from "../program.mjs";

const port = Number(process.env.MEASURE_PORT ?? 4169);
const runs = Number(process.env.MEASURE_RUNS ?? 3);
const pages = [
  ["overview", "/admin"],
  ["customers", "/admin/customers"],
  ["customer", "/admin/customers/user_price_not_in_catalog"],
  ["events", "/admin/events"],
  ["catalog", "/admin/catalog"],
];
// Scores in percent, times in ms, a shift without a unit.
const goals = {
  performance: { least: 95 },
  accessibility: { least: 100 },
  "best practices": { least: 100 },
  LCP: { most: 1200 },
  CLS: { most: 0 },
  TBT: { most: 100 },
};

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const kept = ({ least = -Infinity, most = Infinity }, figure) => figure >= least && figure <= most;

/** The figures of one run. */
function figures({ categories, audits }) {
  const value = (audit) => audits[audit].numericValue;
  const percent = (category) => Math.round(categories[category].score * 100);
  return {
    performance: percent("performance"),
    accessibility: percent("accessibility"),
    "best practices": percent("best-practices"),
    LCP: Math.round(value("largest-contentful-paint")),
    CLS: Number(value("cumulative-layout-shift").toFixed(3)),
    TBT: Math.round(value("total-blocking-time")),
    server: Math.round(value("server-response-time")),
    bytes: value("total-byte-weight"),
  };
}

const program = await demo();
const browser = await launch([`--remote-debugging-port=${port}`]);
const rows = [];
try {
  const page = await open(browser, program.origin);
  await signIn(page, program);
  const { cookies } = await page.context().storageState();
  await page.context().close();
  const Cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  for (const [name, path] of pages) {
    const seen = [];
    for (let run = 0; run < runs; run += 1) {
      const result = await lighthouse(program.origin + path, {
        port,
        logLevel: "error",
        extraHeaders: { Cookie },
        onlyCategories: ["performance", "accessibility", "best-practices"],
      });
      seen.push(figures(result.lhr));
      if (process.env.MEASURE_REPORTS) fs.writeFileSync(`${process.env.MEASURE_REPORTS}/${name}-${run}.json`, JSON.stringify(result.lhr, null, 1));
    }
    const row = Object.fromEntries(Object.keys(seen[0]).map((key) => [key, median(seen.map((one) => one[key]))]));
    rows.push({ page: name, ...row });
    console.error(`${name}: done`);
  }
} finally {
  await browser.close();
  await program.stop();
}
console.table(rows);
const missed = rows.flatMap((row) => Object.entries(goals).filter(([key, goal]) => !kept(goal, row[key])).map(([key, goal]) => `${row.page}: ${key} is ${row[key]}, the goal is ${goal.least ?? goal.most}`));
console.log(missed.length ? `Missed:\n  ${missed.join("\n  ")}` : "Every goal is reached.");
process.exitCode = missed.length ? 1 : 0;
