// The set-up is mended from its page: an endpoint that is missing is made, one that is disabled sends again, and what it does not send is added.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { accessible, fits, listen, valid } from "../check.mjs";
import { demo } from "../program.mjs";

for (const javaScriptEnabled of [true, false]) {
  describe(`the set-up ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
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

    /** Asks the stand-in as Stripe's API is asked. */
    const stripe = async (method, path, form) => {
      const headers = { authorization: "Bearer sk_test_browser", "content-type": "application/x-www-form-urlencoded" };
      const answer = await fetch(`${program.stripe}/v1/${path}`, { method, headers, body: form });
      assert.equal(answer.status, 200, `${method} ${path}`);
      return answer.json();
    };
    const check = (id) => page.locator(".checks > li").filter({ has: page.getByText(id, { exact: true }) });
    const says = (id, words) => check(id).filter({ hasText: words }).waitFor();
    const press = (name) => page.getByRole("button", { name }).click();
    const done = (words) => page.getByRole("status").filter({ hasText: words }).waitFor();

    test("a disabled endpoint is enabled, and sends what was missing", async () => {
      await stripe("POST", "webhook_endpoints/we_demo", "disabled=true&enabled_events[0]=customer.created");
      await page.goto("/admin/validator");
      await says("V04", "it is disabled");
      await says("V05", "does not send checkout.session.completed");
      await accessible(page, "failing set-up");
      await fits(page, "failing set-up");
      await check("V04").getByRole("link", { name: "Enable it again" }).click();
      await press("Enable it again");
      await done("we_demo is enabled");
      await check("V05").getByRole("link", { name: "Add the missing types" }).click();
      await press("Add the missing types");
      await done("as well from now on");
      await says("V04", "is enabled");
      await says("V05", "sends all of them");
      silent("enabled and added");
    });

    test("a missing endpoint is made, and its secret is shown once", async () => {
      await stripe("DELETE", "webhook_endpoints/we_demo");
      await page.goto("/admin/validator");
      await says("V04", "The account has none");
      await check("V04").getByRole("link", { name: "Create the endpoint" }).click();
      const answered = page.waitForResponse((response) => response.request().method() === "POST");
      await press("Create the endpoint");
      const html = await (await answered).text();
      await page.getByRole("heading", { level: 1, name: /^Stripe made the endpoint we_/ }).waitFor();
      const secret = (await page.locator("main .id").first().innerText()).trim();
      assert.match(secret, /^whsec_\w{20,}$/);
      await accessible(page, "the secret");
      await fits(page, "the secret");
      if (javaScriptEnabled) await valid(html, "the secret");
      await page.getByRole("link", { name: "Back to the checks" }).click();
      await says("V04", "is enabled");
      assert.ok(!(await page.content()).includes(secret), "the secret is gone");
      const endpoints = (await stripe("GET", "webhook_endpoints")).data;
      assert.deepEqual(endpoints.map((endpoint) => endpoint.url), [`${program.origin}/webhooks/stripe`]);
      silent("made");
    });
  });
}
