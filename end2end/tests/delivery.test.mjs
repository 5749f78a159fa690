// What a browser gets: few requests, few bytes, no link that leads nowhere.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { awake, listen } from "../check.mjs";
import { demo } from "../program.mjs";

/** Most bytes on the line, compressed: what a slow line carries in a second or so. */
const most = { html: 15_000, css: 12_000, wasm: 90_000, js: 10_000 };

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
        await awake(fresh);
        // The scripts come last, when the page is painted.
        await fresh.waitForFunction(
          () => !document.querySelector("script[type=module]") || performance.getEntriesByType("resource").some(({ name, responseEnd }) => name.endsWith(".wasm") && responseEnd > 0),
        );
        fresh.off("response", note);
        const shift = await fresh.evaluate(
          () => new Promise((resolve) => {
            let sum = 0;
            // Columns of a long table find their widths while it comes in; scripts are fetched once all of it is painted.
            const woke = performance.getEntriesByType("resource").find(({ name }) => name.endsWith(".wasm"))?.startTime ?? 0;
            const counts = ({ startTime, hadRecentInput }) => startTime >= woke && !hadRecentInput;
            new PerformanceObserver((list) => list.getEntries().filter(counts).forEach(({ value }) => (sum += value))).observe({ type: "layout-shift", buffered: true });
            // Two frames after the islands woke, whatever they moved has been noted.
            requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => resolve(sum))));
          }),
        );
        assert.equal(shift, 0, `${url}: what stands there moves when the scripts wake`);
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
