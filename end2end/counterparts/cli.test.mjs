// The official Stripe CLI sets up its fixtures on the stand-in: each trigger must succeed and leave the event it is
// named for, as the official client reads it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { client, startStandin, trigger } from "./support.mjs";

let standin;
let stripe;
before(async () => {
  standin = await startStandin();
  stripe = client(standin.url);
});
after(() => standin?.stop());

const TRIGGERS = [
  "checkout.session.completed",
  "customer.subscription.updated",
  "invoice.payment_failed",
  "customer.subscription.created",
  "customer.subscription.deleted",
  "customer.subscription.paused",
  "customer.subscription.trial_will_end",
  "customer.updated",
  "customer.deleted",
  "invoice.paid",
  "invoice.payment_action_required",
  "checkout.session.expired",
  "checkout.session.async_payment_failed",
  "checkout.session.async_payment_succeeded",
  "charge.refunded",
  "charge.dispute.created",
  "product.deleted",
  "test_helpers.test_clock.advancing",
];

for (const type of TRIGGERS) {
  test(`stripe trigger ${type}`, async () => {
    assert.match(await trigger(standin.url, type), /Trigger succeeded/);
    const { data } = await stripe.events.list({ types: [type], limit: 1 });
    assert.equal(data.length, 1, `an event ${type}`);
    assert.equal(data[0].type, type);
    assert.equal(data[0].livemode, false);
    assert.ok(data[0].request.id, "made by an API call");
  });
}

test("what the triggers left is what Stripe would show", async () => {
  const [session] = (await stripe.checkout.sessions.list({ status: "complete" })).data.slice(-1);
  assert.equal(session.payment_status, "paid");
  assert.equal(session.amount_total, 3000);
  const updated = (await stripe.events.list({ type: "customer.subscription.updated", limit: 100 })).data.find(
    (event) => event.data.previous_attributes.metadata,
  );
  assert.deepEqual(updated.data.previous_attributes.metadata, { foo: null });
  assert.deepEqual(updated.data.object.metadata, { foo: "bar" });
  const [failed] = (await stripe.events.list({ type: "invoice.payment_failed" })).data;
  assert.equal((await stripe.invoices.retrieve(failed.data.object.id)).status, "open");
});
