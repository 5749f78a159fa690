// Who a Stripe customer is: both users are seen beside each other before anything moves.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { accessible, fits, listen } from "../check.mjs";
import { demo } from "../program.mjs";

for (const javaScriptEnabled of [true, false]) {
  describe(`mappings ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
    let browser;
    let program;
    let page;
    let silent;
    before(async () => {
      [browser, program] = await Promise.all([launch(), demo()]);
      page = await open(browser, program.origin, { javaScriptEnabled });
      silent = listen(page);
      await signIn(page, program);
    });
    after(async () => {
      await browser?.close();
      await program?.stop();
    });

    const says = (words) => page.getByRole("status").filter({ hasText: words }).first().waitFor();
    const press = (name) => page.getByRole("button", { name, exact: true }).click();
    const verdict = async (user) => {
      await page.goto(`/admin/customers/${user}?feature=pro`);
      return page.locator(".verdict").innerText();
    };

    test("a conflict is settled after a look at both sides, and opened again", async () => {
      await page.goto("/admin/mappings");
      await page.getByRole("link", { name: /^Move to / }).first().click();
      await page.getByRole("heading", { name: /^Linked now:/ }).waitFor();
      await page.getByRole("heading", { name: /^Linked then:/ }).waitFor();
      await page.getByText("Loses it").first().waitFor();
      await accessible(page, "the review of a conflict");
      await page.getByRole("button", { name: /^Move to / }).click();
      await says("belongs to");
      assert.equal(await page.getByRole("heading", { name: /^Conflict:/ }).count(), 0);
      await press("Undo");
      await says("Took back moving");
      await page.getByRole("heading", { name: /^Conflict:/ }).waitFor();
      silent("conflict");
    });

    test("a payer of nobody is ignored with a reason, and listed again", async () => {
      await page.goto("/admin/unattributed");
      const row = page.getByRole("row").filter({ hasText: "cus_DemoHanaSuzuki" });
      await row.getByRole("link", { name: /^Ignore/ }).click();
      await page.locator("#ignore-reason").fill("A test of our own");
      await press("Ignore customer");
      await says("cus_DemoHanaSuzuki is ignored.");
      assert.equal(await row.count(), 0);
      await page.getByRole("link", { name: /^Ignored / }).click();
      await row.getByText("A test of our own").waitFor();
      await accessible(page, "the ignored customers");
      await press("List cus_DemoHanaSuzuki again");
      await says("cus_DemoHanaSuzuki is listed again.");
      await press("Undo");
      await says("Took back listing cus_DemoHanaSuzuki again.");
      await row.waitFor();
      silent("ignore");
    });

    test("a customer is moved by hand: found, reviewed, with a reason", async () => {
      await page.goto("/admin/mappings?q=user_ok");
      await page.locator("main .tbl th a").first().click();
      await page.getByRole("heading", { name: /^Who is / }).waitFor();
      await page.getByLabel("User", { exact: true }).fill("user_sub_none");
      await press("Review the link");
      await page.getByText("1 user loses access, 1 user gains access.").waitFor();
      await page.locator("main form.form[method=post]").evaluate((form) => form.setAttribute("novalidate", ""));
      await press("Move to user_sub_none");
      await page.getByText("Say why, in at least 5 characters.").first().waitFor();
      silent.forget();
      await page.getByLabel("Reason").fill("The account was sold");
      await press("Move to user_sub_none");
      await says("user_sub_none gained pro");
      await press("Undo");
      await says("Took back moving");
      await page.setViewportSize({ width: 360, height: 800 });
      await fits(page, "a mapping");
      await page.setViewportSize({ width: 1280, height: 900 });
      silent("move");
    });
  });
}
