// What a browser gets: few requests, few bytes, no link that leads nowhere.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { awake, listen } from "../check.mjs";
import { demo } from "../program.mjs";

/** Most bytes on the line, compressed: what a slow line carries in a second or so. */
const most = { html: 15_000, css: 12_000, wasm: 90_000, js: 10_000 };

/** What has moved since the first paint, and by how much. */
const moved = (page, least = 0.005) =>
  page.evaluate(
    (least) => new Promise((resolve) => {
      const found = [];
      const what = ({ value, sources }) => `${value.toFixed(4)}: ${sources.map(({ node }) => (node?.outerHTML ?? node?.textContent ?? "").slice(0, 120)).join(" | ")}`;
      const counts = ({ value }) => value >= least;
      new PerformanceObserver((list) => found.push(...list.getEntries().filter(counts).map(what))).observe({ type: "layout-shift", buffered: true });
      // Two frames after the islands woke, whatever they moved has been noted.
      requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => resolve(found))));
    }),
    least,
  );

/** The scripts come last, when the page is painted. */
const whole = async (page) => {
  await awake(page);
  await page.waitForFunction(
    () => !document.querySelector("script[type=module]") || performance.getEntriesByType("resource").some(({ name, responseEnd }) => name.endsWith(".wasm") && responseEnd > 0),
  );
};

describe("what a browser gets", () => {
  let browser;
  let program;
  before(async () => {
    [browser, program] = await Promise.all([launch(), demo()]);
  });
  after(async () => {
    await browser?.close();
    await program?.stop();
  });

  test("a first visit is few requests and few bytes, a second one the page alone", async () => {
    const page = await open(browser, program.origin);
    await signIn(page, program);
    const { cookies } = await page.context().storageState();
    await page.context().close();

    for (const url of ["/admin", "/admin/customers", "/admin/customers/user_ok", "/admin/events", "/admin/catalog", "/admin/customers/user_ok?tab=raw"]) {
      // Signed in, and nothing kept from before.
      const context = await browser.newContext({ baseURL: program.origin });
      await context.addCookies(cookies);
      const fresh = await context.newPage();
      const silent = listen(fresh);
      for (const visit of ["first", "second"]) {
        const seen = [];
        const note = (response) => seen.push(response);
        fresh.on("response", note);
        await fresh.goto(url);
        await whole(fresh);
        fresh.off("response", note);
        assert.deepEqual(await moved(fresh), [], `${url}: something moves`);
        const loaded = await Promise.all(
          seen.map(async (response) => {
            const headers = await response.allHeaders();
            // What is new is told for as long as the page is looked at.
            if (headers["content-type"]?.startsWith("text/event-stream")) return { kind: "stream", bytes: 0, url: response.url() };
            const kind = /\.(\w+)$/.exec(new URL(response.url()).pathname)?.[1] ?? "html";
            await response.finished();
            const { responseBodySize } = await response.request().sizes();
            return { kind, bytes: responseBodySize, coding: headers["content-encoding"], url: response.url() };
          }),
        );
        const list = loaded.map(({ kind, bytes, url }) => `${kind} ${bytes} ${url}`).join("\n  ");
        const files = loaded.filter(({ kind }) => kind !== "stream").length;
        assert.ok(files <= 5, `${url}, ${visit} visit: ${files} requests\n  ${list}`);
        for (const { kind, bytes, coding } of loaded.filter(({ kind }) => kind in most)) {
          assert.ok(bytes <= most[kind], `${url}: ${kind} has ${bytes} bytes of ${most[kind]}`);
          assert.equal(coding, "br", `${url}: ${kind} is not compressed`);
        }
        // What a page needs beside itself is kept for ever: its name changes with its content.
        if (visit === "second") assert.equal(loaded.filter(({ kind, bytes }) => kind !== "html" && bytes > 0).length, 0, `${url} again\n  ${list}`);
      }
      silent(url);
      await context.close();
    }
  });

  test("nothing moves while a page comes in over a slow line", async () => {
    const page = await open(browser, program.origin);
    await signIn(page, program);
    const { cookies } = await page.context().storageState();
    await page.context().close();
    const pages = ["/admin", "/admin/customers", "/admin/customers/user_ok", "/admin/subscriptions", "/admin/events", "/admin/events?status=rejected", "/admin/mappings", "/admin/overrides", "/admin/unattributed", "/admin/catalog", "/admin/features", "/admin/audit"];
    for (const width of [1280, 360]) {
      for (const url of pages) {
        const context = await browser.newContext({ baseURL: program.origin, viewport: { width, height: 900 } });
        await context.addCookies(cookies);
        const fresh = await context.newPage();
        const line = await context.newCDPSession(fresh);
        await line.send("Network.enable");
        // The rows of a list come in several pieces, with paint between them.
        await line.send("Network.emulateNetworkConditions", { offline: false, latency: 40, downloadThroughput: 100_000, uploadThroughput: 100_000 });
        await line.send("Emulation.setCPUThrottlingRate", { rate: 4 });
        await fresh.goto(url);
        await whole(fresh);
        // Where the line cuts a page is chance: a word that comes after its picture moves a little, a table or a form may not.
        assert.deepEqual(await moved(fresh, 0.02), [], `${url} at ${width} px: something moves`);
        await context.close();
      }
    }
  });

  test("no link leads nowhere", async () => {
    const page = await open(browser, program.origin);
    await signIn(page, program);
    const { cookies } = await page.context().storageState();
    await page.context().close();
    const headers = { cookie: cookies.map(({ name, value }) => `${name}=${value}`).join("; ") };

    /** The address with its ids left out: three pages of a kind tell of all. */
    const kind = (url) => url.replace(/=[^&]*/g, "=").replace(/\/(user|cus|sub|evt|price|prod|ovr|map|key|rsy|we|stf|con|req|rep|adt|aud)_[^/?]*/g, "/$1_");
    const kinds = new Map();
    const waiting = [["/admin", "nowhere"]];
    const known = new Set(["/admin"]);
    const dead = [];
    while (waiting.length) {
      const [url, from] = waiting.shift();
      const answer = await fetch(program.origin + url, { headers, redirect: "manual" });
      if (answer.status >= 400) dead.push(`${answer.status} ${url}, linked from ${from}`);
      // What is downloaded has no links.
      if (!(answer.headers.get("content-type") ?? "").startsWith("text/html")) continue;
      const html = await answer.text();
      for (const [, href] of html.matchAll(/<a [^>]*?href="(\/admin[^"#]*)/g)) {
        const link = href.replaceAll("&amp;", "&");
        // The other mode is another installation.
        if (known.has(link) || link.includes("mode=live")) continue;
        const seen = (kinds.get(kind(link)) ?? 0) + 1;
        kinds.set(kind(link), seen);
        if (seen > 3) continue;
        known.add(link);
        waiting.push([link, url]);
      }
      for (const [, id] of html.matchAll(/<a [^>]*?href="#([^"]+)"/g)) if (!html.includes(`id="${id}"`)) dead.push(`#${id} in ${url}`);
    }
    assert.ok(known.size > 100, `only ${known.size} links`);
    assert.deepEqual(dead, []);
  });
});
