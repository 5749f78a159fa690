// Everybody is compared with Stripe: shown first, then mended. With and without JavaScript.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { listen } from "../check.mjs";
import { demo } from "../program.mjs";

for (const javaScriptEnabled of [true, false]) {
  describe(`a resync ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
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
    const done = (words) => page.getByRole("status").filter({ hasText: words }).waitFor();
    const verdict = async () => {
      await page.goto("/admin/customers/user_drift?feature=pro");
      return page.locator(".verdict h2").innerText();
    };
    /** Waits until the page is in this state: a script shows it by itself, and without one the page is looked at again. */
    const state = async (word) => {
      if (javaScriptEnabled) return page.locator(".page-head .chip").filter({ hasText: word }).first().waitFor();
      const until = Date.now() + 60_000;
      while (Date.now() < until) {
        await page.reload();
        if ((await page.locator(".page-head .chip").innerText()).trim() === word) return;
      }
      assert.fail(`never ${word}: ${await page.locator("main").innerText()}`);
    };

    test("one customer is compared without a change", async () => {
      await page.goto("/admin/customers/user_drift/compare");
      await page.locator("main table, main .diff").first().waitFor();
      assert.match(await page.locator("main").innerText(), /active/);
      assert.match(await verdict(), /^No access to pro/, "looking changes nothing");
      silent("compare");
    });

    test("everybody is compared, and mended when somebody says so", async () => {
      await page.goto("/admin/resyncs");
      const form = page.locator("main form[action='/admin/resyncs']");
      await form.evaluate((element) => element.setAttribute("novalidate", ""));
      await form.locator("button[type=submit]").click();
      await page.locator("#reason-error").filter({ hasText: "at least 5 characters" }).waitFor();
      assert.equal(await page.locator("[name=reason]").getAttribute("aria-invalid"), "true");
      silent.but(422, "refused");

      await page.locator("[name=scope]").selectOption("all");
      await page.locator("[name=reason]").fill("Webhooks were lost on Sunday");
      await press("Compare with Stripe");
      await page.waitForURL(/\/admin\/resyncs\/[^/?]+$/);
      await page.getByText("Webhooks were lost on Sunday").waitFor();
      const address = page.url();
      await state("Ready to apply");
      await page.locator("main tbody").getByText("user_drift").first().waitFor();
      assert.match(await verdict(), /^No access to pro/, "nothing is changed yet");

      await page.goto(address);
      await press("Apply what Stripe says");
      // Few are applied at once: the page may show the end before anybody reads that it has begun.
      const said = page.getByRole("status").filter({ hasText: "What Stripe says is being applied." });
      await said.or(page.locator(".page-head .chip").filter({ hasText: "Done" })).first().waitFor();
      await state("Done");
      assert.match(await verdict(), /^Has access to pro/);
      await page.goto("/admin/resyncs");
      assert.match(await page.locator("main tbody tr").first().innerText(), /Everybody[\s\S]*Done/);
      silent("resync");
    });

    test("a comparison is ended without a change", async () => {
      await page.goto("/admin/resyncs");
      await page.locator("[name=reason]").fill("To see what would be done");
      await press("Compare with Stripe");
      const end = page.getByRole("button", { name: /^End/ });
      // It may be over before we look or press: then there is nothing to end.
      const pressed = (await end.count()) > 0 && (await end.first().click({ timeout: 5_000 }).then(() => true, () => false));
      if (pressed) {
        await page.getByRole("status").or(page.getByRole("alert")).first().waitFor();
      }
      assert.match(await page.locator(".page-head .chip").innerText(), /Canceled|Done/);
      silent("ended");
    });
  });
}
