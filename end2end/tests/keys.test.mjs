// The life of an API key: made with terms, refused and kept where they are wrong, changed, replaced while the old one still works, ended.
// With and without JavaScript.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PATIENCE, launch, open, signIn } from "../browser.mjs";
import { accessible, fits, listen } from "../check.mjs";
import { demo } from "../program.mjs";

for (const javaScriptEnabled of [true, false]) {
  describe(`API keys ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
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
    const shown = async () => (await page.locator("main").innerText()).match(/tk_test_\w{20,}/)[0];
    const ask = (key) => fetch(`${program.origin}/v1/access?user_id=user_ok&feature=pro`, { headers: { authorization: `Bearer ${key}` } });
    /** Programs look keys up again within a second. */
    const comesTo = async (key, status) => {
      const until = Date.now() + PATIENCE;
      let answer = await ask(key);
      while (answer.status !== status && Date.now() < until) answer = await ask(key);
      assert.equal(answer.status, status);
      return (await answer.json()).error?.code;
    };
    let first;
    let second;

    test("what is wrong with a new key is said beside it, and what was typed stays", async () => {
      await page.goto("/admin/api-keys");
      const form = page.locator("main form[action='/admin/api-keys']");
      await form.locator("[name=name]").fill("shop");
      await form.locator("[name=expires]").selectOption("90d");
      await form.locator("[name=addresses]").fill("127.0.0.1\n203.0.113.7/24");
      await form.locator("[name=request_rate]").fill("5");
      const refused = page.waitForResponse((response) => response.request().method() === "POST");
      await press("Create key");
      assert.equal((await refused).status(), 422);
      await page.getByRole("alert").getByText("203.0.113.0/24 for the network").waitFor();
      assert.equal(await form.locator("[name=name]").inputValue(), "shop");
      assert.equal(await form.locator("[name=expires]").inputValue(), "90d");
      assert.equal(await form.locator("[name=addresses]").inputValue(), "127.0.0.1\n203.0.113.7/24");
      await form.locator("[name=addresses]").fill("127.0.0.1");
      await press("Create key");
      first = await shown();
      await page.getByText("from 127.0.0.1 alone").waitFor();
      await page.getByText("curl -H").waitFor();
      await accessible(page, "key made");
      const answer = await ask(first);
      assert.equal(answer.status, 200);
      assert.match(answer.headers.get("ratelimit-policy"), /^"checks";q=\d+;w=2$/);
      assert.match(answer.headers.get("ratelimit"), /^"checks";r=\d+;t=1$/);
      silent.but(422, "create");
    });

    test("its page says what it may, and its addresses are changed", async () => {
      await page.goto("/admin/api-keys");
      await page.locator("main tbody").getByRole("link", { name: "shop", exact: true }).click();
      await page.getByRole("heading", { name: "shop", level: 1 }).waitFor();
      await page.getByText("5 a second").waitFor();
      assert.ok(!(await page.content()).includes(first), "the key is shown once");
      await accessible(page, "key");
      await fits(page, "key");
      await page.locator("main [name=addresses]").fill("203.0.113.0/24");
      await press("Save");
      await done("shop is changed");
      assert.equal(await comesTo(first, 403), "address_not_allowed");
      await page.locator("main [name=addresses]").fill("");
      await press("Save");
      await done("shop is changed");
      await comesTo(first, 200);
      await page.getByRole("link", { name: "In the audit log" }).click();
      await page.locator("main tbody").getByText("Changed the terms of the API key").first().waitFor();
      silent("terms");
    });

    test("another takes its place, and both work until the old one is ended", async () => {
      await page.goto("/admin/api-keys");
      await page.locator("main tbody").getByRole("link", { name: "shop", exact: true }).click();
      await page.getByRole("link", { name: "Rotate", exact: true }).click();
      await accessible(page, "rotate");
      await fits(page, "rotate");
      await page.getByLabel(/^7 days/).check();
      await press("Make the new key");
      second = await shown();
      assert.notEqual(second, first);
      await page.getByText("goes on working until").waitFor();
      assert.equal((await ask(first)).status, 200);
      assert.equal((await ask(second)).status, 200);
      await page.goto("/admin/api-keys");
      const old = page.locator("main tbody tr").filter({ hasText: "replaced by" });
      await old.getByText("Expires in 6 d").waitFor();
      await accessible(page, "keys");
      await fits(page, "keys");
      await old.getByRole("link", { name: /^Revoke/ }).click();
      await page.locator("main form[action$='/revoke'] button[type=submit]").click();
      await done("revoked");
      assert.equal(await comesTo(first, 401), "api_key_revoked");
      assert.equal((await ask(second)).status, 200);
      silent("rotate");
    });
  });
}
