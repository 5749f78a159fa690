// Exceptions: granted with a preview, extended, and revoked several at once.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { accessible, listen } from "../check.mjs";
import { demo } from "../program.mjs";

for (const javaScriptEnabled of [true, false]) {
  describe(`overrides ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
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

    test("a grant is previewed before it is made, and one without end is confirmed", async () => {
      await page.goto("/admin/customers/user_sub_unpaid/overrides/new?feature=pro");
      await page.getByLabel("Reason").fill("A goodwill week");
      await page.getByLabel("Ticket", { exact: true }).fill("https://tickets.example.com/4821");
      await press("Preview");
      await says("pro: denied → granted");
      assert.equal(await page.getByLabel("Reason").inputValue(), "A goodwill week", "what was typed is kept");
      assert.match(await verdict("user_sub_unpaid"), /^No access to pro\./, "a preview changes nothing");
      await page.goto("/admin/customers/user_sub_unpaid/overrides/new?feature=pro");
      await page.locator("input[name=until][value=never]").check();
      await page.getByLabel("Reason").fill("A goodwill week");
      await press("Save override");
      await page.getByText("type user_sub_unpaid to confirm it").first().waitFor();
      silent.forget();
      await accessible(page, "the refused grant");
      await page.locator("input[name=until][value='7d']").check();
      await page.getByLabel("Ticket", { exact: true }).fill("https://tickets.example.com/4821");
      await press("Save override");
      await says("user_sub_unpaid gained pro.");
      silent("grant");
    });

    test("what ends soon is extended and taken back", async () => {
      await page.goto("/admin/overrides?list=ending");
      const row = page.getByRole("row").filter({ hasText: "user_sub_unpaid" });
      await row.getByText("No access").waitFor();
      assert.equal(await row.getByRole("link", { name: "Ticket" }).getAttribute("href"), "https://tickets.example.com/4821");
      await accessible(page, "the overrides that end");
      await row.getByRole("link", { name: "Extend" }).click();
      await page.locator("input[name=until][value='30d']").check();
      await page.getByLabel("Reason").fill("Still waits for the bank");
      await press("Extend");
      await says("The override of pro for user_sub_unpaid lasts until");
      assert.equal(await page.getByRole("row").filter({ hasText: "user_sub_unpaid" }).count(), 0, "it does not end soon any more");
      await press("Undo");
      await says("Took back the new end of pro for user_sub_unpaid.");
      await page.getByRole("row").filter({ hasText: "user_sub_unpaid" }).waitFor();
      silent("extend");
    });

    test("several are revoked together, after a look at who loses access", async () => {
      await page.goto("/admin/overrides");
      await page.getByRole("checkbox", { name: "Choose pro for user_sub_unpaid" }).check();
      await page.getByRole("checkbox", { name: "Choose pro for user_ok_by_override" }).check();
      await press("Revoke those chosen");
      await page.getByText("2 users lose access.").waitFor();
      await page.getByLabel("Reason").fill("The week is over");
      await press("Revoke overrides");
      await says("2 overrides are revoked.");
      await press("Undo");
      await says("user_sub_unpaid gained pro");
      silent("bulk");
    });
  });
}
