// One person's data: taken along as a file, and erased after a look at what goes and what stays.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { accessible, fits, listen } from "../check.mjs";
import { demo } from "../program.mjs";

for (const javaScriptEnabled of [true, false]) {
  describe(`personal data ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
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

    test("everything that is kept is exported", async () => {
      await page.goto("/admin/customers/user_ok");
      const download = page.waitForEvent("download");
      await page.getByRole("link", { name: "Export everything as JSON" }).click();
      const file = await download;
      assert.match(file.suggestedFilename(), /^tollkeeper-user_ok-(test|live)\.json$/);
      const person = JSON.parse(await readFile(await file.path(), "utf8"));
      assert.equal(person.user_id, "user_ok");
      assert.ok(person.kept.events.length > 0 && person.kept.events[0].payload.data, "events come with their payloads");
      assert.ok(person.decisions.length > 0);
      await page.goto("/admin/audit");
      await page.locator("main table").getByText("Exported everything about").first().waitFor();
      silent("export");
    });

    test("a person is erased: the id is typed, a reason is given, and nothing names them any more", async () => {
      await page.goto("/admin/customers/user_ok");
      const name = (await page.locator("h1").first().innerText()).trim();
      await page.getByRole("link", { name: /^Erase personal data/ }).click();
      await page.getByRole("heading", { name: "Erase personal data?" }).waitFor();
      await page.getByRole("heading", { name: "What stays" }).waitFor();
      await page.getByText("Stripe goes on charging.").waitFor();
      await accessible(page, "the page that asks before erasing");
      await fits(page, "the page that asks before erasing");

      // What is wrong is said, and what was typed is kept.
      await page.getByLabel("Type user_ok to confirm").fill("user_no");
      await page.getByLabel("Reason").fill("They asked for it");
      await page.getByRole("button", { name: "Erase for good" }).click();
      await page.getByText("Type user_ok to confirm.").first().waitFor();
      assert.equal(await page.getByLabel("Reason").inputValue(), "They asked for it");
      silent.but(422, "a wrong id");

      await page.getByLabel("Type user_ok to confirm").fill("user_ok");
      await page.getByRole("button", { name: "Erase for good" }).click();
      await page.getByRole("status").filter({ hasText: "What was decided is kept under erased_" }).first().waitFor();
      await page.getByText("no name, no address and no payload is kept").waitFor();
      await accessible(page, "the page of an erased person");
      const address = page.url();
      for (const path of [address, `${address}?tab=raw`, `${address}?tab=events`, "/admin/customers", "/admin/audit"]) {
        await page.goto(path);
        const text = await page.locator("main").innerText();
        assert.ok(!/\buser_ok\b/.test(text) && !text.includes(name), `${path} names them`);
      }
      const gone = await page.goto("/admin/customers/user_ok");
      assert.equal(gone.status(), 404);
      silent.but(404, "who is not there any more");
    });
  });
}
