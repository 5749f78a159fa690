// What is set up once and seldom changed: catalog, features, staff, keys, the mode that is shown. With and without JavaScript.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PATIENCE, launch, open, signIn } from "../browser.mjs";
import { accessible, awake, fits, listen } from "../check.mjs";
import { demo } from "../program.mjs";

for (const javaScriptEnabled of [true, false]) {
  describe(`settings ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
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

    const press = (name) => page.getByRole("button", { name, exact: true }).click();
    const done = (words) => page.getByRole("status").filter({ hasText: words }).first().waitFor();
    const ask = (user, feature, key = program.apiKey) =>
      fetch(`${program.origin}/v1/access?user_id=${user}&feature=${feature}`, { headers: { authorization: `Bearer ${key}` } });

    test("a feature is made, a price gives it, and whoever pays has it; each is looked at first", async () => {
      await page.goto("/admin/features");
      await page.locator("main [name=key]").fill("exports");
      await page.locator("main [name=name]").fill("Exports");
      await press("Save feature");
      await done("exports");
      assert.equal((await (await ask("user_ok", "exports")).json()).allowed, false);

      const box = page.locator("main [name=feature][value=exports]");
      await page.goto("/admin/catalog/prices/price_DemoProMonthly");
      const price = "/admin/catalog/prices/price_DemoProMonthly";
      const exports = async () => (await (await ask("user_ok", "exports")).json()).allowed;
      await box.check();
      await press("Save");
      // Many pay for it: what it does is shown first, and going back keeps what was ticked.
      await page.waitForURL(/price_DemoProMonthly\/preview\?/);
      await page.getByText(/^Nobody loses access; \d+ users gain access\.$/).waitFor();
      assert.equal(await exports(), false, "nothing is saved yet");
      await accessible(page, "preview");
      await fits(page, "preview");
      await press("Go back");
      assert.ok(await box.isChecked(), "what was ticked is kept");
      assert.equal(await exports(), false);
      await press("Save");
      await page.waitForURL(/\/preview\?/);
      await page.locator("main li a[href^='/admin/customers/user_']").first().waitFor();
      await press("Save");
      await done("exports");
      assert.equal(await exports(), true);

      await page.goto(price);
      await box.uncheck();
      await press("Save");
      await page.waitForURL(/\/preview\?/);
      await page.getByText(/^\d+ users lose access\.$/).waitFor();
      assert.equal(await exports(), true, "nothing is taken away yet");
      const typed = page.getByLabel("Type the price id price_DemoProMonthly to take access away");
      await typed.fill("price_DemoTeamMonthly");
      await press("Save");
      await page.getByRole("alert").filter({ hasText: "price_DemoTeamMonthly is not this price id" }).waitFor();
      assert.equal(await exports(), true);
      silent.but(422, "asked for the price");
      await typed.fill("price_DemoProMonthly");
      await press("Save");
      await done("price_DemoProMonthly gives");
      assert.equal(await exports(), false);
      await press("Undo");
      await done("Took back the change of what price_DemoProMonthly gives.");
      assert.equal(await exports(), true);
      silent("catalog");
    });

    test("somebody is added to the staff, gets another role, and is let out", async () => {
      const sam = { email: "sam@example.com", password: "a walk along the river" };
      const row = () => page.locator("main tbody tr").filter({ hasText: sam.email });
      await page.goto("/admin/staff");
      const form = page.locator("main form[action='/admin/staff']");
      await form.locator("[name=email]").fill(sam.email);
      await form.locator("[name=role]").selectOption("viewer");
      await form.locator("button[type=submit]").click();
      const link = (await page.locator("main .id").first().innerText()).trim();
      assert.match(link, /\/admin\/invite\?token=[0-9a-f]{64}$/);
      await page.goto("/admin/staff");
      await row().getByText("Invited").waitFor();

      const other = await open(browser, program.origin, { javaScriptEnabled });
      await other.goto(link);
      await other.getByLabel("Your name").fill("Sam Vimes");
      await other.getByLabel("Password").fill(sam.password);
      await other.getByRole("button", { name: "Save and sign in" }).click();
      await other.waitForURL("**/admin");
      await page.reload();
      await other.goto("/admin/customers/user_sub_canceled/overrides/new");
      assert.ok(await other.getByRole("button", { name: "Save override" }).isDisabled(), "a viewer grants nothing");
      assert.equal((await other.goto("/admin/staff")).status(), 403);

      await row().locator("select[name=role]").selectOption("support");
      await row().getByRole("button", { name: /^Save the role/ }).click();
      await done("signed out everywhere");
      await other.goto("/admin");
      assert.match(other.url(), /\/admin\/login/, "the session is over");
      await signIn(other, sam);
      await other.goto("/admin/customers/user_sub_canceled/overrides/new");
      assert.ok(await other.getByRole("button", { name: "Save override" }).isEnabled(), "support grants");

      await row().getByRole("button", { name: /^Disable/ }).click();
      await row().getByText("Disabled").waitFor();
      await other.goto("/admin");
      await other.locator("[name=email]").fill(sam.email);
      await other.locator("[name=password]").fill(sam.password);
      await other.getByRole("button", { name: "Sign in" }).click();
      await other.getByText("E-mail address or password are wrong.").first().waitFor();
      await other.context().close();
      silent("staff");
    });

    test("an API key answers until it is revoked", async () => {
      await page.goto("/admin/api-keys");
      await page.locator("main form[action='/admin/api-keys'] [name=name]").fill("old shop");
      await press("Create key");
      const key = (await page.locator("main").innerText()).match(/tk_test_\w{20,}/)[0];
      assert.equal((await ask("user_ok", "pro", key)).status, 200);
      await page.goto("/admin/api-keys");
      const row = page.locator("main tbody tr").filter({ hasText: "old shop" });
      await row.getByRole("link", { name: /^Revoke/ }).click();
      await page.locator("main form[action$='/revoke'] button[type=submit]").click();
      await done("revoked");
      // Programs look keys up again within a second.
      const until = Date.now() + PATIENCE;
      let { status } = await ask("user_ok", "pro", key);
      while (status !== 401 && Date.now() < until) ({ status } = await ask("user_ok", "pro", key));
      assert.equal(status, 401);
      silent("keys");
    });

    test("a customer is linked to a user by hand, and unlinked", async () => {
      await page.goto("/admin/mappings");
      const form = page.locator("main form[action='/admin/mappings/link']");
      await form.locator("[name=customer_id]").fill("cus_DemoUnattributed");
      await form.locator("[name=user_id]").fill("user_unattributed");
      await form.locator("button[type=submit]").click();
      await page.getByText("Nobody loses access; 1 user gains access.").waitFor();
      await press("Link to user_unattributed");
      await done("is linked to user_unattributed");
      assert.equal((await (await ask("user_unattributed", "pro")).json()).allowed, true);
      await page.goto("/admin/mappings?q=cus_DemoUnattributed");
      await page.getByRole("link", { name: "Unlink cus_DemoUnattributed", exact: true }).click();
      await press("Unlink cus_DemoUnattributed");
      await done("is linked to no user any more");
      assert.equal((await (await ask("user_unattributed", "pro")).json()).allowed, false);
      silent("mappings");
    });

    test("the other mode is shown, and nothing of this one is in it", async () => {
      await page.goto("/admin/customers");
      assert.match(await page.title(), /TEST$/);
      const names = () => page.locator("main tbody tr").count();
      assert.ok((await names()) > 0);
      await press("Show live");
      await page.waitForFunction(() => document.title.endsWith("LIVE"));
      assert.equal(new URL(page.url()).pathname, "/admin/customers", "the same page");
      assert.ok(!(await page.locator("main").innerText()).includes("user_price_not_in_catalog"));
      await press("Show test");
      await page.waitForFunction(() => document.title.endsWith("TEST"));
      silent("mode");
    });

    test("signing out ends the session", async () => {
      // A page that wakes while it is signed out would begin to listen as nobody.
      if (javaScriptEnabled) await awake(page);
      await page.locator("button[popovertarget=me]").click();
      await press("Sign out");
      await page.waitForURL("**/admin/login");
      await page.goto("/admin/events");
      assert.match(page.url(), /\/admin\/login\?return_to=%2Fadmin%2Fevents/);
      await page.getByLabel("E-mail").fill(program.email);
      await page.getByLabel("Password", { exact: true }).fill(program.password);
      await press("Sign in");
      await page.waitForURL("**/admin/events");
      silent("signed in again");
    });
  });
}
