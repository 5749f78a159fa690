// Everything by keyboard alone: each control of each page, the menu, the way past the navigation, and the founder's whole errand.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { awake, listen } from "../check.mjs";
import { visit } from "../every-page.mjs";
import { tabThrough, tabTo } from "../keyboard.mjs";
import { pages } from "../pages.mjs";
import { demo, firstStart } from "../program.mjs";

describe("by keyboard", () => {
  let browser;
  let program;
  before(async () => {
    [browser, program] = await Promise.all([launch(), demo()]);
  });
  after(async () => {
    await browser?.close();
    await program?.stop();
  });

  test("every control of every page is reached, in order and in sight", async () => {
    let controls = 0;
    await visit(browser, program, pages, async (page, name) => {
      await awake(page);
      controls += await tabThrough(page, name);
    });
    assert.ok(controls > 20 * pages.length, `only ${controls} controls`);
  });

  test("the way past the navigation leads to the content", async () => {
    const page = await open(browser, program.origin);
    await signIn(page, program);
    await page.goto("/admin/subscriptions");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.innerText), "Skip to content");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement.id === "main");
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => document.activeElement.closest("main") !== null), "the next control is in the content");
    await page.context().close();
  });

  test("the menu of a small screen opens, closes with Esc, and gives the focus back", async () => {
    const page = await open(browser, program.origin, { viewport: { width: 360, height: 700 } });
    await signIn(page, program);
    await page.goto("/admin/customers");
    await tabTo(page, "Menu");
    await page.keyboard.press("Enter");
    await page.locator("#nav:popover-open").waitFor();
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => document.activeElement.closest("#nav") !== null), "the next control is in the menu");
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => !document.querySelector("#nav:popover-open"));
    assert.equal(await page.evaluate(() => document.activeElement.innerText), "Menu");
    await page.keyboard.press("Enter");
    await tabTo(page, "Subscriptions");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/admin/subscriptions");
    await page.context().close();
  });

  test("somebody without access is found and mended", async () => {
    const page = await open(browser, program.origin);
    const silent = listen(page);
    await page.goto("/admin/login");
    await tabTo(page, "E-mail");
    await page.keyboard.type(program.email);
    await tabTo(page, "Password");
    await page.keyboard.type(program.password);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/admin");
    await tabTo(page, /^Search customers/);
    await page.keyboard.type("user_price_not_in_catalog");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/admin/customers/user_price_not_in_catalog*");
    await page.goto("/admin/customers/user_price_not_in_catalog?feature=pro");
    assert.match(await page.locator(".verdict h2").innerText(), /^No access to pro/);
    await tabTo(page, /^Give price_\w+ (features|a feature)/);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/admin/catalog/prices/**");
    await tabTo(page, /\(pro\)|^pro\b/);
    await page.keyboard.press("Space");
    await tabTo(page, "Save");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/preview\?/);
    await tabTo(page, "Save");
    await page.keyboard.press("Enter");
    await page.getByRole("status").filter({ hasText: "gives pro" }).waitFor();
    await page.goto("/admin/customers/user_price_not_in_catalog?feature=pro");
    assert.match(await page.locator(".verdict h2").innerText(), /^Has access to pro/);
    silent("mended");
    await page.context().close();
  });
});

test("the first owner is made by keyboard", async () => {
  const [browser, program] = await Promise.all([launch(), firstStart()]);
  try {
    const page = await open(browser, program.origin);
    await page.goto(program.setup);
    for (const [label, text] of [[/^E-mail/, "ada@example.com"], [/^(Your )?[Nn]ame/, "Ada"], [/^Password/, "a long and quiet evening"]]) {
      await tabTo(page, label);
      await page.keyboard.type(text);
    }
    await page.keyboard.press("Enter");
    await page.waitForURL("**/admin");
    await page.getByRole("status").filter({ hasText: "Welcome" }).waitFor();
  } finally {
    await browser.close();
    await program.stop();
  }
});
