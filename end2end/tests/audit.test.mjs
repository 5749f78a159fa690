// The audit log: what somebody just did stands there, is found by a filter, and is shown with what it changed.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { accessible, fits, listen } from "../check.mjs";
import { demo } from "../program.mjs";

for (const javaScriptEnabled of [true, false]) {
  describe(`the audit log ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
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

    const rows = () => page.getByRole("region", { name: "Audit log" }).locator("tbody tr");
    const filter = () => page.getByRole("button", { name: "Filter" }).click();

    test("what was done is found, and shown with what it changed", async () => {
      await page.goto("/admin/features");
      const answer = await page.request.fetch(`${program.origin}/v1/features/audited`, {
        method: "PUT",
        headers: { authorization: `Bearer ${program.apiKey}` },
        data: { name: "Audited" },
      });
      assert.equal(answer.status(), 200);
      await page.goto("/admin/audit");
      assert.ok((await rows().count()) > 1, "others did things as well");
      await accessible(page, "audit log");
      await fits(page, "audit log");
      await page.getByLabel("Did what").selectOption("feature.put");
      await page.getByLabel("To what").fill("audited");
      await filter();
      assert.equal(await rows().count(), 1);
      await rows().getByRole("link", { name: "Saved the feature" }).click();
      await page.getByRole("heading", { level: 1, name: "Saved the feature" }).waitFor();
      assert.match(await page.locator("ins", { hasText: /^Audited$/ }).innerText(), /Audited/);
      await accessible(page, "audit entry");
      await fits(page, "audit entry");
      await page.getByRole("link", { name: "All about this object" }).click();
      assert.equal(await rows().count(), 1);
      silent("found");
    });

    test("a filter that nothing fits says so and is taken away", async () => {
      await page.goto("/admin/audit");
      await page.getByLabel("Who").fill("nobody@example.com");
      await filter();
      await page.getByRole("heading", { level: 2, name: "Nothing was done" }).waitFor();
      await page.getByRole("link", { name: "Show everything" }).click();
      assert.ok((await rows().count()) > 1);
      silent("nothing");
    });
  });
}
