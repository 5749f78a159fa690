// A change says what it did to whose access, and its button takes it back.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { accessible, listen } from "../check.mjs";
import { demo } from "../program.mjs";

for (const javaScriptEnabled of [true, false]) {
  describe(`taking back ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
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

    test("a grant is taken back from the sentence that tells of it", async () => {
      await page.goto("/admin/customers/user_sub_canceled/overrides/new?feature=pro");
      await page.getByLabel("Reason").fill("Ticket 4821: paid by bank transfer");
      await press("Save override");
      await says("user_sub_canceled gained pro.");
      await accessible(page, "the sentence with its button");
      await press("Undo");
      await says("Took back granting pro to user_sub_canceled. user_sub_canceled lost pro.");
      assert.match(await verdict("user_sub_canceled"), /^No access to pro\./);
      assert.equal(await page.getByRole("button", { name: "Undo" }).count(), 0, "what was taken back is not taken back again");
      silent("grant");
    });

    test("a link is taken back, and its events wait again", async () => {
      await page.goto("/admin/unattributed/cus_DemoUnattributed");
      await page.locator("main form[action='/admin/mappings'] input[name=user_id]:not([type=hidden])").first().fill("user_unattributed");
      await press("Link customer");
      await says("user_unattributed gained pro");
      await press("Undo");
      await says("Took back linking cus_DemoUnattributed to user_unattributed.");
      assert.match(await verdict("user_unattributed"), /^No access to pro\./);
      silent("link");
    });

    test("what a price gives is taken back, unless somebody changed it since", async () => {
      const price = "/admin/catalog/prices/price_DemoStarterMonthly";
      await page.goto(price);
      await page.locator("input[name=feature][value=pro]").check();
      await page.locator(`main form[action="${price}"] button[type=submit]`).first().click();
      await page.waitForURL(/\/preview/);
      await page.locator(`main form[action="${price}"] button[type=submit]`).first().click();
      await says("also to those who already pay for it");
      const other = await page.context().newPage();
      await other.goto(price);
      await other.locator("input[name=feature][value=pro]").uncheck();
      await other.locator(`main form[action="${price}"] button[type=submit]`).first().click();
      await other.waitForURL(/\/preview/);
      await other.locator("main [name=typed_id]").fill("price_DemoStarterMonthly");
      await other.locator(`main form[action="${price}"] button[type=submit]`).first().click();
      await other.getByRole("status").filter({ hasText: "also to those who already pay for it" }).waitFor();
      await press("Undo");
      await page.getByRole("alert").filter({ hasText: "was changed again since" }).waitFor();
      await other.getByRole("button", { name: "Undo", exact: true }).click();
      await other.getByRole("status").filter({ hasText: "Took back the change of what price_DemoStarterMonthly gives." }).waitFor();
      await other.close();
      silent.forget();
    });
  });
}
