// Many events processed again: from the log to a plan, tried out, done in earnest, paused and ended; by links and forms alone.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { accessible, fits, listen, valid } from "../check.mjs";
import { demo } from "../program.mjs";

for (const javaScriptEnabled of [true, false]) {
  describe(`replays ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
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

    const press = (name) => page.getByRole("button", { name }).click();
    const follow = (name) => page.locator("main").getByRole("link", { name }).first().click();
    const state = async () => (await page.locator("main .page-head .chip").first().innerText()).trim();
    const main = async () => (await page.locator("main").innerText()).replaceAll(/\s+/g, " ");
    const looks = async (what) => {
      await accessible(page, what);
      await fits(page, what);
      if (javaScriptEnabled) await valid(await (await page.request.get(page.url())).text(), what);
    };

    /** With a script, the page may show the end before anybody reads that it has begun. */
    async function begun(words) {
      await page.waitForURL(/\/admin\/replays\/(?!new)[^/]+$/);
      if (!javaScriptEnabled) await page.getByRole("status").filter({ hasText: words }).waitFor();
    }

    /** Waits until the replay of this page is over: a script shows it by itself, and without one the page is looked at again. */
    async function over() {
      if (javaScriptEnabled) return page.locator("main .page-head .chip").filter({ hasText: /^\s*Done/ }).first().waitFor();
      const until = Date.now() + 90_000;
      while (!/^Done/.test(await state())) {
        if (Date.now() > until) assert.fail(`the replay does not end: ${await main()}`);
        await page.reload();
      }
    }

    test("what failed is tried out, then processed again", async () => {
      await page.goto("/admin/events?status=failed");
      await follow("Replay these …");
      await page.getByRole("heading", { name: "Failed events" }).waitFor();
      assert.match(await main(), /Matched 1 event .*Uses today's mappings and catalog\. Runs behind live traffic\./);
      await looks("plan");

      const form = page.locator("main form[action='/admin/replays']");
      await form.evaluate((element) => element.setAttribute("novalidate", ""));
      await press("Start the replay");
      await page.getByText("Say why, in at least 5 characters.").first().waitFor();
      await accessible(page, "refused plan");
      silent.forget();
      await page.getByLabel("Dry run").check();
      await page.getByLabel("Reason").fill("Stripe answers again");
      await press("Start the replay");
      await begun("The dry run has begun.");
      await over();
      assert.match(await main(), /1 event tried, and nothing changed by it/);
      await looks("dry run");

      await follow("Replay these events");
      await page.getByLabel("Reason").fill("Stripe answers again");
      await press("Start the replay");
      await begun("The replay has begun.");
      await over();
      assert.match(await main(), /1 event: 1 fixed\./);
      await page.locator("main nav[aria-label='Events by outcome'] a", { hasText: "Fixed 1" }).click();
      assert.equal(await page.locator("main table[class] tbody tr").count(), 1);
      await looks("replay");
      await page.goto("/admin/customers/user_webhook_failed?feature=pro");
      assert.match(await page.locator(".verdict").innerText(), /^Has access to pro/);
      silent("replayed");
    });

    test("a replay is paused, goes on, and is ended", async () => {
      await page.goto("/admin/replays/new?since=30d");
      await page.getByLabel("Events a second").fill("1");
      await page.getByLabel("Reason").fill("To see what happens");
      await press("Start the replay");
      const until = Date.now() + 90_000;
      while ((await state()) !== "Running") {
        if (Date.now() > until) assert.fail(`it does not run: ${await main()}`);
        await page.reload();
      }
      assert.match(await page.locator("#job-progress").innerText(), /^\d+ of \d+.* · about \d+ (s|min) left$/);
      await looks("running replay");
      await press("Pause");
      await page.getByRole("status").filter({ hasText: "It is paused." }).waitFor();
      assert.equal(await state(), "Paused");
      const paused = await page.locator("#job-progress").innerText();
      assert.doesNotMatch(paused, /left/);
      await looks("paused replay");
      await press("Go on");
      await page.getByRole("status").filter({ hasText: "It goes on." }).waitFor();
      assert.equal(await state(), "Running");
      await press("End it");
      await page.getByRole("status").filter({ hasText: "It is ended." }).waitFor();
      assert.equal(await state(), "Canceled");
      assert.match(await main(), /Somebody ended it: .* were left\./);

      await page.locator("nav.nav").getByRole("link", { name: "Replays" }).click();
      await page.getByRole("heading", { level: 1, name: "Replays" }).waitFor();
      assert.ok((await page.locator("main tbody tr").count()) >= 1);
      await looks("list of replays");
      silent("steered");
    });

    if (!javaScriptEnabled) {
      test("a narrow screen shows it all", async () => {
        await page.setViewportSize({ width: 360, height: 800 });
        for (const where of ["/admin/replays", "/admin/replays/new?status=processed"]) {
          await page.goto(where);
          await fits(page, where);
        }
      });
    }
  });
}
