// What a page does by itself while it is open: its times age, its forms are not left by mistake, and a date that is typed is told back.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { awake } from "../check.mjs";
import { demo } from "../program.mjs";

describe("an open page", () => {
  let browser;
  let program;
  before(async () => {
    [browser, program] = await Promise.all([launch(), demo()]);
  });
  after(async () => {
    await browser?.close();
    await program?.stop();
  });

  /** A page of somebody who is signed in, once its scripts are awake. */
  const visit = async (url, prepare = async () => {}) => {
    const page = await open(browser, program.origin);
    await signIn(page, program);
    await prepare(page);
    await page.goto(url);
    await awake(page);
    return page;
  };

  test("times age in their places, and nothing moves", async () => {
    const page = await visit("/admin/events", (page) => page.clock.install());
    const time = page.locator(".tbl td > time[data-near]").first();
    const before = await time.textContent();
    await page.evaluate(() => {
      globalThis.moved = [];
      new PerformanceObserver((list) => globalThis.moved.push(...list.getEntries().map(({ value }) => value))).observe({ type: "layout-shift" });
    });
    await page.clock.fastForward("03:00:00");
    await page.waitForFunction((before) => document.querySelector(".tbl td > time[data-near]").textContent !== before, before);
    assert.match(await time.textContent(), /^\d+ h ago$/, `it was ${before}`);
    assert.deepEqual(await page.evaluate(() => globalThis.moved), []);
    // Nobody looks: nothing is written, until somebody does.
    const hide = (hidden) =>
      page.evaluate((hidden) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
    await hide(true);
    const seen = await time.textContent();
    await page.clock.fastForward("02:00:00");
    assert.equal(await time.textContent(), seen);
    await hide(false);
    await page.waitForFunction((seen) => document.querySelector(".tbl td > time[data-near]").textContent !== seen, seen);
    await page.context().close();
  });

  test("a form with something typed in it asks before it is left, and only then", async () => {
    const page = await visit("/admin/features/pro/policy");
    const asked = [];
    page.on("dialog", async (dialog) => {
      asked.push(dialog.type());
      await dialog.dismiss();
    });
    const leave = () => page.locator("#nav a[href='/admin/events']").click({ noWaitAfter: true });
    const leaveAsked = () => Promise.all([page.waitForEvent("dialog"), leave()]);
    await page.getByLabel("How long past due keeps access").fill("3d");
    await leaveAsked();
    assert.deepEqual(asked, ["beforeunload"]);
    assert.equal(new URL(page.url()).pathname, "/admin/features/pro/policy");
    // As it was: nobody loses anything.
    await page.getByLabel("How long past due keeps access").fill("");
    await leave();
    await page.waitForURL("**/admin/events");
    await page.goto("/admin/features/pro/policy");
    await awake(page);
    await page.getByLabel("How long past due keeps access").fill("soon");
    await page.getByRole("button", { name: "Save policy" }).click();
    await page.locator(".error-summary").waitFor();
    assert.deepEqual(asked, ["beforeunload"], "sending it is not leaving it");
    // What was refused is saved nowhere.
    await awake(page);
    await page.getByLabel("How long past due keeps access").click();
    await leaveAsked();
    assert.deepEqual(asked, ["beforeunload", "beforeunload"]);
    await page.context().close();
  });

  test("the end of an override is told back as it is understood in the person's zone", async () => {
    const page = await visit("/admin/account/preferences");
    await page.locator("[name=time_zone]").selectOption("Europe/Berlin");
    await page.locator("main form button[type=submit]").first().click();
    await page.getByRole("status").filter({ hasText: /saved/i }).first().waitFor();
    await page.goto("/admin/customers/user_ok/overrides/new?feature=pro");
    await awake(page);
    const year = new Date().getUTCFullYear() + 2;
    const end = page.getByLabel("Date and time in Europe/Berlin");
    await end.fill(`${year}-07-01T14:00`);
    const told = page.locator("[data-means]");
    await told.filter({ hasText: `1 July ${year}, 14:00 Europe/Berlin` }).waitFor();
    assert.ok(await page.getByLabel("A date and time", { exact: false }).first().isChecked(), "whoever names a moment means it");
    // The last Sunday of March, when clocks are put forward at two.
    const sunday = new Date(Date.UTC(year, 2, 31));
    sunday.setUTCDate(31 - sunday.getUTCDay());
    await end.fill(`${sunday.toISOString().slice(0, 10)}T02:30`);
    await told.filter({ hasText: "clocks are put forward" }).waitFor();
    await page.locator("[name=reason]").fill("a case of the support");
    await page.getByRole("button", { name: "Save override" }).click();
    await page.locator(".error-summary").filter({ hasText: "clocks are put forward" }).waitFor();
    await page.getByLabel("Date and time in Europe/Berlin").fill(`${year}-07-01T14:00`);
    await page.getByRole("button", { name: "Preview" }).click();
    await page.getByRole("status").filter({ hasText: "Preview" }).waitFor();
    await page.context().close();
  });
});
