// Every page with what the demonstration has: sound in every way, and closed to who is signed out.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { fits } from "../check.mjs";
import { everySound } from "../every-page.mjs";
import { pages } from "../pages.mjs";
import { demo } from "../program.mjs";

describe("every page", () => {
  let browser;
  let program;
  before(async () => {
    [browser, program] = await Promise.all([launch(), demo()]);
  });
  after(async () => {
    await browser?.close();
    await program?.stop();
  });

  test("is refused to who is signed out, and sends the strict headers", async () => {
    for (const [name, where] of pages.filter(([, where]) => typeof where === "string")) {
      const answer = await fetch(program.origin + where, { redirect: "manual" });
      assert.equal(answer.status, 303, name);
      assert.match(answer.headers.get("location"), /^\/admin\/login/, name);
    }
    const answer = await fetch(`${program.origin}/admin/login`);
    const policy = answer.headers.get("content-security-policy") ?? "";
    for (const part of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]) {
      assert.ok(policy.includes(part), `${part} is missing in: ${policy}`);
    }
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval(?<!wasm-unsafe-eval)/);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  });

  test("of a customer is printed as the answer and its evidence, without what only a screen needs", async () => {
    const page = await open(browser, program.origin);
    await signIn(page, program);
    await page.goto("/admin/customers/user_price_not_in_catalog?feature=pro");
    // A sheet of A4 between its margins.
    await page.setViewportSize({ width: 680, height: 960 });
    await page.emulateMedia({ media: "print" });
    for (const shown of ["h1", ".verdict h2", ".chain"]) assert.ok(await page.locator(shown).first().isVisible(), `${shown} is not printed`);
    const onScreen = await page.locator("header.top, nav.nav, .btn, .icon-btn, form").evaluateAll((all) => all.filter((element) => element.checkVisibility()).length);
    assert.equal(onScreen, 0, "no button is printed");
    await fits(page, "a customer, printed");
    await page.context().close();
  });

  test("is found in the navigation, and whatever is in the navigation is looked at", async () => {
    const page = await open(browser, program.origin);
    await signIn(page, program);
    const entries = await page.locator("nav.nav a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
    assert.ok(entries.length > 10, `only ${entries.length} entries`);
    assert.deepEqual(entries.filter((entry) => !pages.some(([, where]) => where === entry)), [], "not in end2end/pages.mjs");
    for (const entry of entries) {
      await page.goto(entry);
      assert.ok((await page.locator("nav.nav a[aria-current=page]").count()) === 1, `${entry} has no entry that is current`);
    }
    await page.context().close();
  });

  // In two halves, so that neither runs out of time on a busy machine.
  const middle = Math.ceil(pages.length / 2);
  test("is sound (first half)", () => everySound(browser, program, pages.slice(0, middle)));
  test("is sound (second half)", () => everySound(browser, program, pages.slice(middle)));
});
