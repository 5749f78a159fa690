// A list's errands: narrow it, take a filter off again, turn the pages both ways, take all of it home as a file. Links and a form, so the
// same with and without JavaScript.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { listen } from "../check.mjs";
import { demo } from "../program.mjs";

/** Where the rows of the page's table lead, in order. */
const rows = (page) => page.locator("main .tbl tbody th > a").evaluateAll((all) => all.map((link) => link.getAttribute("href")));

for (const javaScriptEnabled of [true, false]) {
  describe(`lists ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
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

    test("pages turn both ways", async () => {
      await page.goto("/admin/events?since=any");
      const first = await rows(page);
      assert.equal(first.length, 50);
      assert.equal(await page.getByRole("link", { name: "Previous page" }).count(), 0);
      await page.getByRole("link", { name: "Next page" }).click();
      await page.waitForURL(/after=/);
      const second = await rows(page);
      assert.ok(second.every((href) => !first.includes(href)), "no event is on two pages");
      await page.getByRole("link", { name: "Previous page" }).click();
      await page.waitForURL(/before=/);
      assert.deepEqual(await rows(page), first);
      silent("pages");
    });

    test("a filter narrows, says so, and is taken off by its chip", async () => {
      await page.goto("/admin/events");
      assert.equal(await page.getByLabel("Received in the last").inputValue(), "24h");
      await page.getByLabel("Type").fill("customer.subscription.*");
      await page.getByLabel("Received in the last").selectOption("any");
      await page.getByRole("button", { name: "Filter" }).click();
      await page.waitForURL(/type=customer/);
      const types = await page.locator("main .tbl tbody th > a").allInnerTexts();
      assert.ok(types.length > 0 && types.every((type) => type.startsWith("customer.subscription.")), types.join());
      await page.getByRole("navigation", { name: "Active filters" }).getByRole("link", { name: /Type customer/ }).click();
      await page.waitForURL((url) => !url.search.includes("type="));
      assert.match(page.url(), /since=any/, "the other filter stays");
      await page.goto("/admin/events?since=1h&type=no.such.type");
      await page.getByRole("link", { name: "Look at any time" }).click();
      await page.getByRole("heading", { name: "No events match" }).waitFor();
      await page.getByRole("link", { name: "Clear filters", exact: true }).last().click();
      await page.waitForURL((url) => url.search === "");
      silent("filters");
    });

    test("mappings and the audit log turn and go home like any other list", async () => {
      await page.goto("/admin/mappings");
      const pages = page.getByRole("navigation", { name: "Pages" });
      assert.match(await pages.innerText(), /\d+ mappings/);
      await page.getByLabel("User id, cus_, e-mail or name").fill("cus_demook");
      await page.getByRole("button", { name: "Find" }).click();
      await page.waitForURL(/q=cus_demook/);
      const found = await page.locator("main .tbl tbody th").allInnerTexts();
      assert.ok(found.length > 0 && found.every((row) => row.includes("cus_DemoOk")), found.join());
      const href = await pages.getByRole("link", { name: "Export CSV" }).getAttribute("href");
      assert.match(href, /mappings\.csv\?.*q=cus_demook/, "the file is of the same search");
      const file = await (await page.request.get(href)).text();
      assert.equal(file.split("\r\n").filter(Boolean).length, found.length + 1);
      await page.getByRole("navigation", { name: "Active filters" }).getByRole("link", { name: /Begins with/ }).click();
      await page.waitForURL((url) => url.search === "");
      await page.goto("/admin/audit?from=all");
      const time = page.getByRole("navigation", { name: "Time" });
      assert.equal(await time.getByRole("link", { name: "Any time" }).getAttribute("aria-current"), "true");
      await time.getByRole("link", { name: "Last 30 days" }).click();
      await page.waitForURL(/from=\d{4}-\d\d-\d\d/);
      assert.match(await pages.innerText(), /\d+ entr/);
      silent("other lists");
    });

    test("chips say how many they hold", async () => {
      await page.goto("/admin/customers");
      const chip = page.getByRole("navigation", { name: "Narrow to" }).getByRole("link", { name: /^Override/ });
      const count = Number((await chip.innerText()).match(/\d+/)[0]);
      await chip.click();
      await page.waitForURL(/filter=override/);
      assert.equal((await rows(page)).length, count);
      silent("chips");
    });

    test("what the filter finds is had as a file", async () => {
      await page.goto("/admin/customers?q=a");
      const shown = await rows(page);
      const href = await page.getByRole("link", { name: "Export CSV" }).getAttribute("href");
      const answer = await page.request.get(href);
      assert.equal(answer.status(), 200);
      assert.match(answer.headers()["content-disposition"], /^attachment; filename="tollkeeper-customers-test-\d{4}-\d\d-\d\d\.csv"$/);
      const lines = (await answer.text()).split("\r\n").filter(Boolean);
      assert.match(lines[0], /^Customer,/);
      assert.ok(lines.length - 1 >= Math.min(shown.length, 1), `${lines.length} lines for ${shown.length} rows`);
      silent("export");
    });
  });
}
