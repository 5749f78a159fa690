// Going somewhere by keyboard alone: the palette, single keys, and the same by links without a script. And pages as the person wants them.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { accessible, awake, fits, listen } from "../check.mjs";
import { demo } from "../program.mjs";

describe("the keyboard", () => {
  let browser;
  let program;
  before(async () => {
    [browser, program] = await Promise.all([launch(), demo()]);
  });
  after(async () => {
    await browser?.close();
    await program?.stop();
  });

  test("opens the palette, which leads to pages and to what it finds", async () => {
    const page = await open(browser, program.origin);
    const silent = listen(page);
    await signIn(page, program);
    await page.goto("/admin/events");
    await awake(page);
    const palette = page.locator("dialog#palette");
    const field = palette.getByRole("combobox");
    await page.locator("#status").focus();
    await page.keyboard.press("Control+k");
    await field.waitFor();
    assert.ok(await field.evaluate((element) => element === document.activeElement), "the field has the focus");
    await accessible(page, "palette");
    await page.keyboard.press("Escape");
    await field.waitFor({ state: "hidden" });
    assert.equal(await page.evaluate(() => document.activeElement.id), "status", "the focus is back");

    await page.keyboard.press("Control+k");
    await page.keyboard.type("cata");
    const option = palette.getByRole("option");
    assert.match(await option.first().innerText(), /Catalog/);
    assert.equal(await option.first().getAttribute("aria-selected"), "true");
    await page.keyboard.press("ArrowDown");
    assert.match(await palette.locator("[aria-selected=true]").innerText(), /Search for “cata”/);
    assert.equal(await field.getAttribute("aria-activedescendant"), await palette.locator("[aria-selected=true]").getAttribute("id"));
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/admin/catalog");

    await awake(page);
    await page.keyboard.press("Control+k");
    await page.keyboard.type("user_drif");
    await palette.getByRole("option", { name: /user_drift/ }).waitFor();
    await accessible(page, "palette with hits");
    await fits(page, "palette with hits");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/admin/customers/user_drift");
    silent("palette");
    await page.context().close();
  });

  test("has single keys, never while somebody types, and not for who wants none", async () => {
    const page = await open(browser, program.origin);
    await signIn(page, program);
    await page.goto("/admin/events");
    await awake(page);
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "q");
    await page.keyboard.type("gc/?");
    assert.equal(await page.locator("#q").inputValue(), "gc/?");
    assert.ok(page.url().endsWith("/admin/events"));
    await page.locator("#main").focus();
    await page.keyboard.press("?");
    await page.locator("dialog#palette").getByText("g c", { exact: true }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("g");
    await page.keyboard.press("c");
    await page.waitForURL("**/admin/customers");

    await page.goto("/admin/account/preferences");
    await page.getByLabel("Single keys are shortcuts").uncheck();
    await page.getByRole("button", { name: "Save preferences" }).click();
    await page.getByText("Your preferences are saved.").waitFor();
    await awake(page);
    await page.locator("#main").focus();
    await page.keyboard.press("g");
    await page.keyboard.press("c");
    await page.keyboard.press("/");
    assert.ok(page.url().endsWith("/admin/account/preferences"));
    assert.notEqual(await page.evaluate(() => document.activeElement.id), "q");
    await page.keyboard.press("Control+k");
    await page.locator("dialog#palette").getByRole("combobox").waitFor();
    await page.context().close();
  });

  for (const javaScriptEnabled of [true, false]) {
    test(`pages are as the person wants them, and a filter is kept ${javaScriptEnabled ? "with" : "without"} JavaScript`, async () => {
      const page = await open(browser, program.origin, { javaScriptEnabled });
      const silent = listen(page);
      await signIn(page, program);
      await page.goto("/admin");
      await page.getByRole("button", { name: "Demo" }).or(page.locator("[popovertarget=me]")).first().click();
      await page.locator("#me").getByRole("link", { name: "Preferences" }).click();
      await page.getByLabel("Colours").selectOption("dark");
      await page.getByLabel("Time zone").selectOption("Asia/Tokyo");
      await page.getByRole("button", { name: "Save preferences" }).click();
      await page.getByText("Your preferences are saved.").waitFor();
      assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
      await page.getByText("Times in Asia/Tokyo").waitFor();
      await accessible(page, "preferences in dark");

      await page.goto("/admin/events?type=invoice.*");
      await page.getByText("Save this filter").click();
      await page.getByLabel("Name", { exact: true }).fill("Invoices");
      await page.getByRole("button", { name: "Save filter" }).click();
      await page.getByText("The filter “Invoices” is saved.").waitFor();
      await page.goto("/admin/events");
      await page.getByRole("navigation", { name: "Saved filters" }).getByRole("link", { name: "Invoices" }).click();
      await page.waitForURL("**/admin/events?type=invoice.*");
      await accessible(page, "events with a saved filter");
      await page.getByText("Change saved filters").click();
      await page.getByRole("button", { name: "Forget Invoices" }).click();
      await page.getByText("The filter is forgotten.").waitFor();

      await page.goto("/admin/account/preferences");
      await page.getByLabel("Colours").selectOption("system");
      await page.getByLabel("Time zone").selectOption("UTC");
      await page.getByRole("button", { name: "Save preferences" }).click();
      await page.getByText("Times in UTC").waitFor();
      silent("preferences");
      await page.context().close();
    });
  }
});
