// What takes access away asks first, on a page of its own that says whose; and what narrows a list stands in its address.
// Links and forms do all of it, so it goes the same way with and without JavaScript.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { accessible, fits, listen } from "../check.mjs";
import { demo } from "../program.mjs";

for (const javaScriptEnabled of [true, false]) {
  describe(`asking first ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
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

    const done = (words) => page.getByRole("status").filter({ hasText: words }).waitFor();
    const press = (name) => page.getByRole("button", { name }).click();
    const names = () => page.locator("main tbody tr:not([data-day])").evaluateAll((rows) => rows.map((row) => row.innerText));
    const verdict = async (user) => {
      await page.goto(`/admin/customers/${user}?feature=pro`);
      return page.locator(".verdict h2").innerText();
    };

    test("the answer of another moment is asked for by a form", async () => {
      const day = (ago) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
      await page.goto("/admin/customers/user_pass_expired");
      // Two weeks were bought twenty days ago: what ended them is in no event.
      await page.getByText("The time that was bought ended").waitFor();
      for (const [ago, answer] of [[15, /^Yes user_pass_expired had access to pro on/], [2, /^No user_pass_expired had no access to pro on/]]) {
        await page.getByLabel("Day").fill(day(ago));
        await page.getByLabel("Time in UTC").fill("12:00");
        await page.getByLabel("Feature", { exact: true }).selectOption("pro");
        await press("Show the answer then");
        await page.waitForURL((url) => url.searchParams.get("at_day") === day(ago));
        assert.match((await page.locator("#past [role=status]").innerText()).replaceAll(/\s+/g, " ").trim(), answer);
      }
      await accessible(page, "past");
      silent("past");
    });

    test("a policy that takes access away is looked at before it is saved", async () => {
      await page.goto("/admin/catalog/prices/price_DemoProMonthly");
      await page.getByRole("link", { name: "Change the policy" }).click();
      await page.getByLabel("A trial gives access").selectOption("deny");
      await press("Save policy");
      await page.waitForURL(/\/policy\/preview\?/);
      await page.getByText("1 user loses access.").waitFor();
      await page.locator("main a[href='/admin/customers/user_trialing']").waitFor();
      await press("Save policy");
      await done("has a policy of its own");
      assert.match(await verdict("user_trialing"), /^No access to pro/);
      await page.goto("/admin/catalog/prices/price_DemoProMonthly/policy");
      await page.getByLabel("A trial gives access").selectOption("");
      await press("Save policy");
      await done("follows the installation's policy");
      assert.match(await verdict("user_trialing"), /^Has access to pro/);
      silent("policy");
    });

    test("unlinking a customer says who loses what, and can be left", async () => {
      await page.goto("/admin/mappings?q=cus_DemoOk");
      await page.getByRole("link", { name: "Unlink cus_DemoOk", exact: true }).click();
      await page.getByText("1 user loses access.").waitFor();
      await page.getByText("loses api-access, pro, projects").waitFor();
      await page.getByRole("link", { name: "Cancel" }).click();
      await page.waitForURL("**/admin/mappings?q=cus_DemoOk");
      assert.match(await verdict("user_ok"), /^Has access to pro/);

      await page.goto("/admin/mappings?q=cus_DemoOk");
      await page.getByRole("link", { name: "Unlink cus_DemoOk", exact: true }).click();
      await press("Unlink cus_DemoOk");
      await done("is linked to no user any more");
      // Nothing else told of the user, so the customer is all that is left.
      assert.match(await verdict("cus_DemoOk"), /^No access to pro/);
      silent("unlink");
    });

    test("a conflict is settled after the page said who gains and who loses", async () => {
      await page.goto("/admin/mappings");
      await page.getByRole("link", { name: "Move to user_ambiguous_customer" }).click();
      await page.getByText("1 user loses access, 1 user gains access.").waitFor();
      await press("Move to user_ambiguous_customer");
      await done("belongs to user_ambiguous_customer");
      assert.match(await verdict("user_ambiguous_customer"), /^Has access to pro/);
      silent("conflict");
    });

    test("several features are granted at once; one without a feature is refused and keeps what was typed", async () => {
      await page.goto("/admin/customers/user_sub_unpaid/overrides/new");
      await page.locator("main form.card").evaluate((form) => form.setAttribute("novalidate", ""));
      await page.locator("[name=reason]").fill("Waits for the bank");
      await press("Save override");
      await page.getByText("Choose a feature of the catalog.").first().waitFor();
      assert.equal(await page.locator("[name=reason]").inputValue(), "Waits for the bank");
      if (javaScriptEnabled) await accessible(page, "a refused grant");
      silent.forget();

      for (const feature of ["pro", "projects"]) await page.locator(`[name=feature][value=${feature}]`).check();
      await page.locator("[name=value_projects]").fill("7");
      await press("Save override");
      await done("Granted pro, projects to user_sub_unpaid until");
      await page.getByText("override grant, up to 7").waitFor();
      silent("grant");
    });

    test("deleting a feature counts who has it", async () => {
      await page.goto("/admin/features");
      await page.getByRole("link", { name: "Delete team-seats" }).click();
      const summary = await page.getByText(/^\d+ users? loses? access\.$/).innerText();
      assert.ok(Number.parseInt(summary, 10) > 0, summary);
      await page.locator("[name=reason]").fill("Nobody asks for it");
      await press("Delete team-seats");
      await done("The feature team-seats is deleted");
      silent("feature");
    });

    test("customers are narrowed by what they have, in the address", async () => {
      await page.goto("/admin/customers");
      await page.getByRole("link", { name: "Denied but paying" }).click();
      await page.waitForURL(/filter=denied/);
      const denied = await names();
      assert.ok(denied.length > 0);
      for (const row of denied) assert.match(row, /No access/);
      await page.getByRole("link", { name: "At risk" }).click();
      await page.waitForURL(/filter=at_risk/);
      assert.deepEqual((await names()).map((row) => /user_\w+/.exec(row)[0]), ["user_ok_at_risk"]);
      silent("customers");
    });

    test("a long list leads on and back to its beginning", async () => {
      await page.goto("/admin/events?type=customer.*&since=any");
      const first = await names();
      await page.getByRole("link", { name: "Next page" }).click();
      await page.waitForURL(/after=/);
      assert.notDeepEqual(await names(), first);
      assert.match(page.url(), /type=customer/, "the filter stays");
      await page.getByRole("link", { name: "First page" }).click();
      await page.waitForURL((url) => !url.search.includes("after="));
      assert.equal((await names()).length, first.length);
      silent("pages");
    });

    test("events are narrowed by their error", async () => {
      await page.goto("/admin/events");
      await page.getByText("More filters").click();
      await page.getByLabel("Error holds").fill("STATUS 503");
      await page.getByRole("button", { name: "Filter" }).click();
      await page.waitForURL(/error=STATUS/);
      const rows = await names();
      assert.equal(rows.length, 1);
      assert.match(rows[0], /user_webhook_failed/);
      await page.getByLabel("API version").fill("1999-01-01");
      await page.getByRole("button", { name: "Filter" }).click();
      await page.getByRole("heading", { name: "No event of the last 24 hours matches" }).waitFor();
      silent("events");
    });

    test("an exact id leads to its page, an unknown one to what is called much alike", async () => {
      const search = page.getByRole("searchbox", { name: /Search customers/ });
      await search.fill("sub_DemoSubPaused");
      await search.press("Enter");
      await page.waitForURL("**/admin/subscriptions/sub_DemoSubPaused");
      silent("search");

      await page.goto("/admin/customers/cus_DemoSubPausde");
      await page.getByRole("link", { name: "Paul Paused" }).waitFor();
      if (javaScriptEnabled) await accessible(page, "not found");
      await fits(page, "not found");
      silent.forget();
    });

    test("a link of the chain opens what is stored about it", async () => {
      await page.goto("/admin/customers/user_ok_at_risk?feature=pro");
      await page.getByRole("link", { name: "4 Subscription" }).click();
      await page.waitForURL(/link=subscription/);
      await page.locator("#link").getByText("past due since").waitFor();
      await page.getByRole("link", { name: "Raw" }).click();
      await page.waitForURL(/tab=raw/);
      await page.getByText('"sub_DemoOkAtRisk"').first().waitFor();
      assert.match(await page.locator(".verdict h2").innerText(), /to pro/, "the feature stays");
      silent("chain");
    });
  });
}
