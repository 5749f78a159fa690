// From an empty folder to a signed-in owner, by the link the program prints; with and without JavaScript.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { accessible, fits, listen } from "../check.mjs";
import { firstStart } from "../program.mjs";

const owner = { email: "ada@example.com", password: "a long and quiet evening" };

for (const javaScriptEnabled of [true, false]) {
  describe(`the first run ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
    let browser;
    let program;
    before(async () => {
      [browser, program] = await Promise.all([launch(), firstStart()]);
    });
    after(async () => {
      await browser?.close();
      await program?.stop();
    });

    test("the printed link makes the owner, once, and signs them in", async () => {
      const page = await open(browser, program.origin, { javaScriptEnabled });
      const silent = listen(page);
      await page.goto(program.setup);
      await accessible(page, "setup");
      await fits(page, "setup");
      silent("setup");

      await page.locator("input[name=email]").fill(owner.email);
      await page.locator("input[name=name]").fill("Ada");
      await page.locator("input[name=password]").fill("short");
      // The browser would hold a short password back; the server has to refuse it as well.
      await page.locator("form:has(input[name=password])").evaluate((form) => form.setAttribute("novalidate", ""));
      await page.locator("form:has(input[name=password]) button[type=submit]").click();
      await page.locator(".error, .error-summary").first().waitFor();
      assert.equal(await page.locator("input[name=email]").inputValue(), owner.email, "what was typed is kept");
      assert.equal(await page.locator("input[name=password]").inputValue(), "", "a password is not sent back");
      await accessible(page, "setup with an error");
      silent.forget();

      await page.locator("input[name=password]").fill(owner.password);
      await page.locator("form:has(input[name=password]) button[type=submit]").click();
      await page.waitForURL("**/admin");
      await page.getByRole("status").filter({ hasText: "Welcome" }).waitFor();
      await accessible(page, "overview of an empty installation");
      await fits(page, "overview of an empty installation");
      silent("overview");

      await page.goto("/admin/customers");
      await accessible(page, "customers of an empty installation");
      silent("customers");

      const stranger = await open(browser, program.origin, { javaScriptEnabled });
      await stranger.goto(program.setup);
      assert.equal(await stranger.locator("input[name=password]").count(), 1, "only a sign-in form is left, or none");
      assert.match(new URL(stranger.url()).pathname, /\/admin\/login$/);
    });

    test("a wrong password is refused, the right one signs in, and signing out ends it", async () => {
      const page = await open(browser, program.origin, { javaScriptEnabled });
      await page.goto("/admin/customers");
      assert.match(page.url(), /\/admin\/login\?return_to=/, "what was asked for is remembered");
      await page.locator("input[name=email]").fill(owner.email);
      await page.locator("input[name=password]").fill("not this one at all");
      await page.locator("form:has(input[name=password]) button[type=submit]").click();
      await page.getByText("E-mail address or password are wrong.").first().waitFor();

      await page.locator("input[name=password]").fill(owner.password);
      await page.locator("form:has(input[name=password]) button[type=submit]").click();
      await page.waitForURL("**/admin/customers");

      await page.locator("button[popovertarget=me]").click();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.waitForURL("**/admin/login");
      await page.goto("/admin/customers");
      assert.match(page.url(), /\/admin\/login/);
      await signIn(page, owner);
      assert.equal(new URL(page.url()).pathname, "/admin");
    });
  });
}
