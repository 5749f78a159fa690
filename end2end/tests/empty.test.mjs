// Every page of an installation that nothing has happened to yet: sound in every way, as the full pages are.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, setUp, signIn } from "../browser.mjs";
import { everySound } from "../every-page.mjs";
import { firstStart } from "../program.mjs";

/** Every page that can be reached by links from the overview, an address without its query once. */
async function reachable(browser, program) {
  const page = await open(browser, program.origin);
  await signIn(page, program);
  const found = new Map([["/admin", "/admin"]]);
  for (const [path, url] of found) {
    const answer = await page.request.get(url);
    // What is downloaded is no page.
    if (!answer.headers()["content-type"].startsWith("text/html")) found.set(path, null);
    else for (const [, href] of (await answer.text()).matchAll(/<a [^>]*?href="(\/admin[^"#]*)/g)) {
      const link = href.replaceAll("&amp;", "&");
      if (!found.has(link.split("?")[0])) found.set(link.split("?")[0], link);
    }
  }
  await page.context().close();
  return [...found].filter(([, url]) => url !== null);
}

describe("an empty installation", () => {
  let browser;
  let program;
  before(async () => {
    [browser, program] = await Promise.all([launch(), firstStart()]);
    program = await setUp(browser, program);
  });
  after(async () => {
    await browser?.close();
    await program?.stop();
  });

  test("is sound on every page that a link leads to", async () => {
    const list = await reachable(browser, program);
    for (const name of ["/admin/customers", "/admin/events", "/admin/catalog", "/admin/features", "/admin/staff"]) {
      assert.ok(list.some(([found]) => found === name), `no link leads to ${name}`);
    }
    await everySound(browser, program, list.map(([name, url]) => [`${name}, empty`, url]));
  });
});
