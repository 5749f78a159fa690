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
  for (const [, url] of found) {
    await page.goto(url);
    const links = await page.locator("a[href^='/admin']").evaluateAll((all) => all.map((link) => link.getAttribute("href").split("#")[0]));
    for (const link of links) if (!found.has(link.split("?")[0])) found.set(link.split("?")[0], link);
  }
  await page.context().close();
  return [...found.entries()].map(([name, url]) => [name, url]);
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
