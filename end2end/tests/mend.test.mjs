// The founder's errand: somebody paid and has no access. Find them, read why, press the offered button, see access.
// Everything is done by links and forms, so it has to go the same way with and without JavaScript.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PATIENCE, launch, open, signIn } from "../browser.mjs";
import { listen } from "../check.mjs";
import { demo } from "../program.mjs";

/** Finds somebody by the search field of the list and opens their page. */
async function find(page, name, user) {
  await page.goto("/admin/customers");
  const search = page.locator("main input[name=q]");
  await search.fill(name);
  await search.press("Enter");
  await page.waitForURL(/[?&]q=/);
  await page.locator(`main a[href^="/admin/customers/${user}"], main a[href^="/admin/customers/cus_"]`).first().click();
  await page.locator(".verdict").waitFor();
}

/** The verdict on one feature, as the page of the user shows it. */
async function verdict(page, user, feature = "pro") {
  await page.goto(`/admin/customers/${user}?feature=${feature}`);
  const box = page.locator(".verdict");
  return { tone: await box.getAttribute("data-tone"), text: (await box.innerText()).replaceAll(/\s+/g, " ") };
}

/** Looks again until the work that was asked for is done; the program does it in the background. */
async function granted(page, user, feature = "pro") {
  const until = Date.now() + PATIENCE;
  let last;
  do {
    last = await verdict(page, user, feature);
    if (/^Has access/.test(last.text)) return last;
  } while (Date.now() < until);
  assert.fail(`${user} still has no access to ${feature}: ${last.text}`);
}

const submit = (page, action) => page.locator(`main form[action^="${action}"] button[type=submit]`).first().click();

/** Follows the fix with this address out of the verdict. */
const follow = (page, href) => page.locator(`.verdict a[href^="${href}"]`).first().click();

for (const javaScriptEnabled of [true, false]) {
  describe(`mending access ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
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

    test("a price that gives nothing is given its feature", async () => {
      await find(page, "Priya", "user_price_not_in_catalog");
      const before = await verdict(page, "user_price_not_in_catalog");
      assert.equal(before.tone, "bad");
      assert.match(before.text, /^No access to pro\./);
      assert.match(before.text, /gives no feature/);
      assert.equal(await page.locator(".chain > .link").count(), 5);
      assert.equal(await page.locator(".chain > .link[aria-current=step]").count(), 1);

      await follow(page, "/admin/catalog/prices/");
      await page.locator("input[name=feature][value=pro]").check();
      await submit(page, "/admin/catalog/prices/");
      // Others bought it as well: what it does for all of them is shown first.
      await page.getByText("Nobody loses access; 12 users gain access.").waitFor();
      await submit(page, "/admin/catalog/prices/");
      await page.getByRole("status").filter({ hasText: "gives pro" }).waitFor();
      assert.equal((await granted(page, "user_price_not_in_catalog")).tone, "ok");
      silent("catalog");
    });

    test("a payment of nobody is linked to its user", async () => {
      const before = await verdict(page, "user_unattributed");
      assert.match(before.text, /^No access to pro\..*not linked/);
      await follow(page, "/admin/unattributed/cus_DemoUnattributed");
      const user = page.locator("main form[action='/admin/mappings'] input[name=user_id]:not([type=hidden], [type=radio])").first();
      if (await user.count()) await user.fill("user_unattributed");
      await submit(page, "/admin/mappings");
      await page.getByRole("status").filter({ hasText: "is linked to user_unattributed" }).waitFor();
      assert.equal((await granted(page, "user_unattributed")).tone, "ok");
      silent("mapping");
    });

    test("an event that failed is processed again", async () => {
      const before = await verdict(page, "user_webhook_failed");
      assert.match(before.text, /^No access to pro\..*failed/);
      await page.locator(".verdict form[action$='/replay'] button[type=submit]").first().click();
      await page.getByRole("status").first().waitFor();
      assert.equal((await granted(page, "user_webhook_failed")).tone, "ok");
      silent("replay");
    });

    test("a copy that differs from Stripe is read anew", async () => {
      const before = await verdict(page, "user_drift");
      assert.match(before.text, /^No access to pro\./);
      await submit(page, "/admin/customers/user_drift/resync");
      await page.getByRole("status").first().waitFor();
      assert.equal((await granted(page, "user_drift")).tone, "ok");
      silent("resync");
    });

    test("access is granted by hand with a reason and an end, and taken back", async () => {
      const before = await verdict(page, "user_sub_canceled");
      assert.match(before.text, /^No access to pro\..*ended/);
      await follow(page, "/admin/customers/user_sub_canceled/overrides/new");
      const form = page.locator("main form[action='/admin/customers/user_sub_canceled/overrides']");
      await form.evaluate((element) => element.setAttribute("novalidate", ""));
      await submit(page, "/admin/customers/user_sub_canceled/overrides");
      await page.getByText("Say why, in at least 5 characters.").first().waitFor();
      silent.forget();

      await page.locator("input[name=until][value='30d']").check();
      await form.locator("[name=reason]").fill("Ticket 4821: paid by bank transfer");
      await submit(page, "/admin/customers/user_sub_canceled/overrides");
      await page.getByRole("status").filter({ hasText: "Granted pro to user_sub_canceled until" }).waitFor();
      const after = await granted(page, "user_sub_canceled");
      assert.equal(after.tone, "violet");
      assert.match(after.text, /by override \w+ only/);

      await page.goto("/admin/customers/user_sub_canceled?tab=overrides");
      await page.getByText("Ticket 4821: paid by bank transfer").first().waitFor();
      await page.locator("main a[href*='/revoke']").first().click();
      await page.getByText("1 user loses access.").waitFor();
      await page.locator("main form[action$='/revoke']").evaluate((element) => element.setAttribute("novalidate", ""));
      await submit(page, "/admin/overrides/");
      await page.getByText("Say why, in at least 5 characters.").first().waitFor();
      silent.forget();
      await page.locator("main [name=reason]").fill("The transfer was called back");
      await submit(page, "/admin/overrides/");
      await page.getByRole("status").filter({ hasText: "revoked" }).waitFor();
      assert.match((await verdict(page, "user_sub_canceled")).text, /^No access to pro\./);
      silent("override");
    });

    if (javaScriptEnabled) {
      test("an id is copied by its button, which says so", async () => {
        await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
        await page.goto("/admin/customers/user_ok");
        await page.getByRole("button", { name: "Copy user id" }).click();
        await page.getByText("Copied", { exact: true }).waitFor();
        assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "user_ok");
        silent("copy");
      });
    }

    test("an API key is shown once, and what it answers is what the page says", async () => {
      await page.goto("/admin/api-keys");
      const form = page.locator("main form[action='/admin/api-keys']");
      await form.locator("input[name=name]").fill("shop");
      await form.locator("button[type=submit]").click();
      const key = (await page.locator("main").innerText()).match(/tk_test_\w{20,}/)?.[0];
      assert.ok(key, "the new key is on the page");
      await page.goto("/admin/api-keys");
      assert.ok(!(await page.content()).includes(key), "the key is shown once");

      const ask = (user) =>
        fetch(`${program.origin}/v1/access?user_id=${user}&feature=pro`, { headers: { authorization: `Bearer ${key}` } }).then((answer) => answer.json());
      assert.equal((await ask("user_ok")).allowed, true);
      assert.equal((await ask("user_sub_unpaid")).reason, "subscription_unpaid");
      silent("api keys");
    });
  });
}
