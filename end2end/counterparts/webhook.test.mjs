// The official `stripe` package as judge of the webhooks that the stand-in signs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { client, startReceiver, startStandin, trigger } from "./support.mjs";

const SECRET = "whsec_counterpart";
let receiver;
let standin;
let stripe;
before(async () => {
  receiver = await startReceiver();
  standin = await startStandin("--webhook", receiver.url, "--secret", SECRET);
  stripe = client(standin.url);
});
after(async () => {
  await standin?.stop();
  await receiver?.stop();
});

const isType = (type) => (delivery) => JSON.parse(delivery.body).type === type;

test("constructEvent accepts a delivery, and refuses it when anything is changed", async () => {
  const customer = await stripe.customers.create({ email: "signed@example.com" });
  const { body, signature } = await receiver.until(isType("customer.created"));
  const event = stripe.webhooks.constructEvent(body, signature, SECRET);
  assert.equal(event.data.object.id, customer.id);
  assert.equal(event.pending_webhooks, 1);
  const refused = { name: "Error", message: /signature/i };
  assert.throws(() => stripe.webhooks.constructEvent(body, signature, "whsec_other"), refused);
  const altered = Buffer.concat([body, Buffer.from(" ")]);
  assert.throws(() => stripe.webhooks.constructEvent(altered, signature, SECRET), refused);
});

test("signs exactly as generateTestHeaderString does", async () => {
  await stripe.products.create({ name: "Ünïcode & more" });
  const { body, signature } = await receiver.until(isType("product.created"));
  const timestamp = Number(/t=(\d+)/.exec(signature)[1]);
  const theirs = stripe.webhooks.generateTestHeaderString({ payload: body.toString(), secret: SECRET, timestamp });
  assert.equal(signature, theirs);
});

test("the events of a CLI trigger arrive, each once and verifiable", async () => {
  await trigger(standin.url, "customer.subscription.updated");
  await receiver.until((delivery) => JSON.parse(delivery.body).data.object.metadata?.foo === "bar");
  const verify = ({ body, signature }) => stripe.webhooks.constructEvent(body, signature, SECRET);
  const ids = receiver.deliveries.map((delivery) => verify(delivery).id);
  assert.equal(new Set(ids).size, ids.length);
});

test("an endpoint made through the API is served with its own secret", async () => {
  const own = await startReceiver();
  try {
    const endpoint = await stripe.webhookEndpoints.create({ url: own.url, enabled_events: ["product.created"] });
    await stripe.products.create({ name: "For one endpoint" });
    const { body, signature } = await own.until(() => true);
    assert.equal(stripe.webhooks.constructEvent(body, signature, endpoint.secret).type, "product.created");
    assert.equal((await stripe.webhookEndpoints.retrieve(endpoint.id)).secret, undefined);
    await stripe.webhookEndpoints.del(endpoint.id);
  } finally {
    await own.stop();
  }
});
