// "Check as user": from a customer's page to the answer the application would get, how it came about, and what would change it.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { accessible, fits, listen, valid } from "../check.mjs";
import { demo } from "../program.mjs";

for (const javaScriptEnabled of [true, false]) {
  describe(`check as user ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
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

    const ask = async (fields) => {
      for (const [label, value] of Object.entries(fields)) await page.getByLabel(label, { exact: true }).fill(value);
      await page.getByRole("button", { name: "Check", exact: true }).click();
    };
    const answer = (words) => page.getByRole("heading", { level: 2, name: words }).waitFor();
    const api = async (path) => {
      const got = await fetch(`${program.origin}${path}`, { headers: { authorization: `Bearer ${program.apiKey}` } });
      assert.equal(got.status, 200, path);
      return got.json();
    };

    test("the answer is the API's, and every rule is told", async () => {
      await page.goto("/admin/simulator");
      await accessible(page, "check as user, not asked");
      await fits(page, "check as user, not asked");
      await ask({ User: "user_ok", "Feature, or empty for all": "pro" });
      await answer("Yes: pro for user_ok");
      const shown = JSON.parse(await page.locator("pre").first().innerText());
      const sent = await api("/v1/access?user_id=user_ok&feature=pro");
      assert.deepEqual({ ...shown, as_of: sent.as_of }, sent);
      const rules = page.getByRole("region", { name: "Rules in their order" }).getByRole("row");
      assert.equal(await rules.count(), 9, "eight rules below their heading");
      assert.equal(await rules.filter({ hasText: /Matched/ }).count(), 1);
      await accessible(page, "check as user");
      await fits(page, "check as user");
      if (javaScriptEnabled) await valid(await (await page.request.get(page.url())).text(), "check as user");
      silent("asked");
    });

    test("what would change it is thought, and nothing is written", async () => {
      await page.goto("/admin/simulator?user=user_ok&feature=pro");
      await page.locator("summary", { hasText: "What if" }).click();
      await page.getByLabel("Every subscription were").selectOption("unpaid");
      await page.getByRole("button", { name: "Check", exact: true }).click();
      await answer("No: pro for user_ok");
      await page.getByRole("note").filter({ hasText: "every subscription is unpaid" }).waitFor();
      assert.equal((await api("/v1/access?user_id=user_ok&feature=pro")).allowed, true);
      await ask({ User: "user_ok", "Feature, or empty for all": "" });
      await page.getByRole("heading", { level: 2, name: /^user_ok: \d+ of \d+ features$/ }).waitFor();
      await page.getByRole("region", { name: "Answers" }).getByRole("link", { name: "pro", exact: true }).click();
      await answer("No: pro for user_ok");
      silent("thought");
    });

    test("somebody unknown is an answer with a way on", async () => {
      await page.goto("/admin/simulator");
      await ask({ User: "cus_never_heard_of" });
      await page.getByText("is not known here").waitFor();
      await page.getByRole("link", { name: "Search for it" }).click();
      await page.waitForURL("**/admin/search?q=cus_never_heard_of");
      silent("unknown");
    });
  });
}
