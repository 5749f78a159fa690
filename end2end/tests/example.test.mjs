// The example shop: buy at Stripe's page, come back, be let in; and whoever did not buy is not. With and without JavaScript.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PATIENCE, launch, open } from "../browser.mjs";
import { accessible, fits, listen, valid } from "../check.mjs";
import { shop, shopWithDemo } from "../example.mjs";
import { demo } from "../program.mjs";

for (const javaScriptEnabled of [true, false]) {
  describe(`the example shop ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
    let browser;
    let program;
    let example;
    before(async () => {
      [browser, program] = await Promise.all([launch(), demo()]);
      example = await shop(program);
    });
    after(async () => {
      await browser?.close();
      await example?.stop();
      await program?.stop();
    });

    /** A visitor of their own, signed in. */
    async function visitor(user, origin = example.origin) {
      const page = await open(browser, origin, { javaScriptEnabled });
      await page.goto("/");
      await page.getByLabel("User id").fill(user);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText(`You are ${user}.`).waitFor();
      return page;
    }

    /** From the price to Stripe's page; the button there is not pressed yet. */
    async function toCheckout(page, product) {
      await page.goto("/");
      await page.getByRole("button", { name: `Buy ${product}`, exact: true }).click();
      await page.waitForURL(`${program.stripe}/c/pay/**`);
    }

    const pay = (page) => page.getByRole("button", { name: "Pay" }).click();

    async function isLetIn(page) {
      const answer = await page.goto("/pro");
      return { status: answer.status(), text: await page.locator("main").innerText() };
    }

    /** What Tollkeeper received of this buyer's events. */
    async function eventsOf(user) {
      const ask = (path) => fetch(`${program.origin}${path}`, { headers: { authorization: `Bearer ${program.apiKey}` } }).then((answer) => answer.json());
      const access = await ask(`/v1/access?user_id=${user}&feature=pro`);
      const { data } = await ask(`/v1/events?type=customer.subscription.*&limit=100`);
      return data.filter((event) => event.object_id === access.sources[0]?.id);
    }

    test("whoever has not bought is not let in, and the pages are sound", async () => {
      const stranger = await open(browser, example.origin, { javaScriptEnabled });
      assert.equal((await isLetIn(stranger)).status, 401);
      const page = await visitor("user_window_shopper");
      const silent = listen(page);
      const answer = await page.goto("/");
      await valid(await answer.text(), "prices");
      assert.match(await page.locator("main").innerText(), /\$29\.00 a month[\s\S]*\$199\.00 once/);
      await accessible(page, "prices");
      await page.setViewportSize({ width: 360, height: 800 });
      await fits(page, "prices");
      silent("prices");
      const { status, text } = await isLetIn(page);
      assert.equal(status, 403);
      assert.match(text, /for those who bought Pro/);
      await accessible(page, "pro, denied");
      await page.goto("/");
      await page.getByRole("button", { name: "Manage my subscription" }).click();
      await page.getByRole("alert").filter({ hasText: "has no Stripe customer" }).waitFor();
    });

    test("bought, come back, let in", async () => {
      const user = `user_buyer_${javaScriptEnabled}`;
      const page = await visitor(user);
      await toCheckout(page, "Pro");
      await accessible(page, "Stripe's page");
      await pay(page);
      await page.waitForURL("**/welcome?session_id=cs_test_*");
      await page.getByRole("heading", { name: "You are in" }).waitFor();
      assert.equal((await isLetIn(page)).status, 200);
      // The customer cancels in Stripe's portal, and the webhook ends the access.
      await page.goto("/");
      await page.getByRole("button", { name: "Manage my subscription" }).click();
      await page.waitForURL(`${program.stripe}/p/session/**`);
      await page.getByRole("button", { name: "Cancel it now" }).click();
      await page.getByText("Nothing is subscribed to.").waitFor();
      await page.getByRole("link", { name: "Back to the shop" }).click();
      await page.waitForURL(`${example.origin}/`);
      const until = Date.now() + PATIENCE;
      let last = await isLetIn(page);
      while (last.status !== 403 && Date.now() < until) last = await isLetIn(page);
      assert.equal(last.status, 403);
      assert.match(last.text, /Your subscription has ended/);
    });

    test("a lost webhook does not keep a buyer out", async () => {
      const user = `user_unheard_${javaScriptEnabled}`;
      const page = await visitor(user);
      await toCheckout(page, "Pro");
      await page.getByLabel("Lose the webhooks of this payment").check();
      await pay(page);
      await page.getByRole("heading", { name: "You are in" }).waitFor();
      assert.equal((await isLetIn(page)).status, 200);
      assert.deepEqual(await eventsOf(user), [], "no webhook told of it");
    });

    test("bought once, for ever", async () => {
      const page = await visitor(`user_once_${javaScriptEnabled}`);
      await toCheckout(page, "Pro, bought once");
      await pay(page);
      await page.getByRole("heading", { name: "You are in" }).waitFor();
      assert.equal((await isLetIn(page)).status, 200);
    });

    test("a declined card and a buyer who turns back buy nothing", async () => {
      const page = await visitor(`user_declined_${javaScriptEnabled}`);
      await toCheckout(page, "Pro");
      await page.getByLabel("A card that is declined").check();
      await pay(page);
      await page.getByRole("alert").filter({ hasText: "Your card was declined." }).waitFor();
      await page.getByRole("link", { name: "Back to the shop" }).click();
      await page.waitForURL(`${example.origin}/`);
      assert.equal((await isLetIn(page)).status, 403);
    });

    test("another user's session says nothing", async () => {
      const buyer = await visitor(`user_first_${javaScriptEnabled}`);
      await toCheckout(buyer, "Pro");
      await pay(buyer);
      await buyer.getByRole("heading", { name: "You are in" }).waitFor();
      const other = await visitor(`user_second_${javaScriptEnabled}`);
      const answer = await other.goto(new URL(buyer.url()).pathname + new URL(buyer.url()).search);
      assert.equal(answer.status(), 409);
      assert.equal((await isLetIn(other)).status, 403);
    });

    test("without Tollkeeper nobody is let in, and the page says so", async () => {
      const alone = await shop(program, { TOLLKEEPER_URL: "http://127.0.0.1:9" });
      try {
        const page = await visitor("user_ok", alone.origin);
        const { status, text } = await isLetIn(page);
        assert.equal(status, 503);
        assert.match(text, /We cannot look up what you may use right now/);
      } finally {
        await alone.stop();
      }
    });
  });
}

test("one command starts the shop and its demonstration, and ends both", async () => {
  const both = await shopWithDemo();
  const prices = await fetch(both.origin).then((answer) => answer.text());
  await both.stop();
  assert.match(prices, /\$29\.00 a month/);
  await assert.rejects(fetch(new URL(/^URL: (\S+)$/m.exec(both.log())[1])), "the demonstration has ended too");
});
