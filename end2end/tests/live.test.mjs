// A page that stays open: what comes waits behind a link, what is worked on goes on in place, and a hidden tab hears nothing.
import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { PATIENCE, launch, open, signIn } from "../browser.mjs";
import { accessible, listen } from "../check.mjs";
import { demo } from "../program.mjs";

/** An event is delivered, signed as Stripe signs (docs.stripe.com/webhooks#verify-manually) with the demonstration's secret. */
async function happens(program) {
  const created = Math.floor(Date.now() / 1000);
  const object = { id: "cus_DemoOk", object: "customer", email: "ok@example.com", name: "Olivia", livemode: false, metadata: {} };
  const event = { id: `evt_live${randomUUID().replaceAll("-", "")}`, object: "event", type: "customer.updated", api_version: "2026-09-30.endive", created, livemode: false, data: { object } };
  const body = JSON.stringify(event);
  const signature = createHmac("sha256", "whsec_demoDemoDemoDemoDemoDemoDemoDemo").update(`${created}.${body}`).digest("hex");
  const headers = { "content-type": "application/json", "stripe-signature": `t=${created},v1=${signature}` };
  const answer = await fetch(`${program.origin}/webhooks/stripe`, { method: "POST", headers, body });
  assert.equal(answer.status, 200, await answer.text());
}

/** Whether the page holds a connection to the server, as far as the server's answers tell. */
const streams = (page) => {
  const open = new Set();
  page.on("request", (request) => request.url().includes("/admin/live") && open.add(request));
  for (const end of ["requestfinished", "requestfailed"]) page.on(end, (request) => open.delete(request));
  return open;
};

/** The tab goes behind another one, or comes back. */
const look = (page, visible) =>
  page.evaluate((visible) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => !visible });
    document.dispatchEvent(new Event("visibilitychange"));
  }, visible);

describe("a page that stays open", () => {
  let browser;
  let program;
  before(async () => {
    [browser, program] = await Promise.all([launch(), demo()]);
  });
  after(async () => {
    await browser?.close();
    await program?.stop();
  });

  test("says that events came, and shows them when asked", async () => {
    const page = await open(browser, program.origin);
    const silent = listen(page);
    const held = streams(page);
    await signIn(page, program);
    await page.goto("/admin/events");
    const link = page.locator("main a[data-live=events]");
    assert.equal(await link.innerText(), "Refresh");
    await page.waitForFunction(() => document.querySelector("[data-live=health]").textContent.startsWith("Webhooks:"));
    const first = () => page.locator("main tbody th a").first().getAttribute("href");
    const before = await first();
    const top = await page.locator("main table").first().evaluate((table) => table.getBoundingClientRect().top);
    while (held.size === 0) await page.waitForEvent("request");

    await happens(program);
    await link.filter({ hasText: /^Show \d+ new$/ }).waitFor();
    assert.equal(await first(), before, "nothing moves by itself");
    assert.equal(await page.locator("main table").first().evaluate((table) => table.getBoundingClientRect().top), top);
    assert.match(await page.locator("leptos-island span[role=status]").allInnerTexts().then((all) => all.join(" ")), /new/);
    await accessible(page, "events with news");
    await link.click();
    await page.waitForLoadState();
    assert.notEqual(await first(), before, "the new rows are on top");
    assert.equal(await link.innerText(), "Refresh");
    silent("news");

    await page.goto("/admin/events?type=invoice.*");
    await happens(program);
    await link.filter({ hasText: /^Look again: \d+ new$/ }).waitFor();
    await page.context().close();
  });

  test("hears nothing while it is hidden, and everything when it is back", async () => {
    const page = await open(browser, program.origin);
    const held = streams(page);
    await signIn(page, program);
    await page.goto("/admin/events");
    while (held.size === 0) await page.waitForEvent("request");
    await look(page, false);
    while (held.size > 0) await page.waitForEvent("requestfailed");
    await happens(program);
    assert.equal(await page.locator("main a[data-live=events]").innerText(), "Refresh");
    await look(page, true);
    await page.locator("main a[data-live=events]").filter({ hasText: /new$/ }).waitFor();
    assert.equal(held.size, 1);
    await page.context().close();
  });

  test("shows a resync as it goes on, and its result", async () => {
    const page = await open(browser, program.origin);
    await signIn(page, program);
    await page.goto("/admin/resyncs");
    await page.getByLabel("Reason").fill("A look at all of them");
    await page.getByRole("button", { name: "Compare with Stripe" }).click();
    // It reloads by itself when it has ended; nobody is at work on it.
    await page.getByText("differ from Stripe").or(page.getByText("everything is as Stripe has it")).first().waitFor();
    await page.locator("main a[data-live=result]").waitFor({ state: "detached" });
    await page.context().close();
  });

  test("is a page with a link without JavaScript", async () => {
    const page = await open(browser, program.origin, { javaScriptEnabled: false });
    await signIn(page, program);
    await page.goto("/admin/events");
    const before = await page.locator("main tbody th a").first().getAttribute("href");
    await happens(program);
    const until = Date.now() + PATIENCE;
    let now = before;
    while (now === before && Date.now() < until) {
      await page.locator("main a[data-live=events]").click();
      await page.waitForLoadState();
      now = await page.locator("main tbody th a").first().getAttribute("href");
    }
    assert.notEqual(now, before);
    await page.context().close();
  });
});
