// The official `stripe` package as client of the stand-in.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { client, startStandin } from "./support.mjs";

let standin;
let stripe;
before(async () => {
  standin = await startStandin();
  stripe = client(standin.url);
});
after(async () => {
  assert.equal(await standin?.stop(), 0, "stops cleanly");
});

/** A customer with a card that pays, and a monthly price. */
async function customerAndPrice(card = "pm_card_visa") {
  const customer = await stripe.customers.create({ email: "ada@example.com", metadata: { user_id: "u1" } });
  await stripe.paymentMethods.attach(card, { customer: customer.id });
  const { data } = await stripe.customers.listPaymentMethods(customer.id);
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: data[0].id } });
  const product = await stripe.products.create({ name: "Pro" });
  const price = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 1500,
    recurring: { interval: "month" },
  });
  return { customer, product, price };
}

test("customers: create, update, retrieve, page through, delete", async () => {
  const made = [];
  for (let n = 0; n < 23; n += 1) made.unshift((await stripe.customers.create({ email: `page${n}@example.com` })).id);
  const seen = [];
  for await (const customer of stripe.customers.list({ limit: 7 })) seen.push(customer.id);
  assert.deepEqual(seen, made);
  const backwards = [];
  const earlier = stripe.customers.list({ limit: 5, ending_before: made[11] });
  for await (const customer of earlier) backwards.push(customer.id);
  assert.deepEqual(backwards, made.slice(0, 11).reverse());
  const updated = await stripe.customers.update(made[0], { name: "Ada", metadata: { plan: "a&b=c%", drop: "x" } });
  assert.equal(updated.metadata.plan, "a&b=c%");
  assert.equal((await stripe.customers.update(made[0], { metadata: { drop: "" } })).metadata.drop, undefined);
  assert.deepEqual(await stripe.customers.del(made[0]), { id: made[0], object: "customer", deleted: true });
  assert.equal((await stripe.customers.retrieve(made[0])).deleted, true);
});

test("a subscription from creation over a price change to its end", async () => {
  const { customer, product, price } = await customerAndPrice();
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id, quantity: 2 }],
    expand: ["latest_invoice.payments", "customer"],
  });
  assert.equal(subscription.status, "active");
  assert.equal(subscription.customer.email, "ada@example.com");
  assert.equal(subscription.latest_invoice.amount_paid, 3000);
  assert.ok(subscription.items.data[0].current_period_end > subscription.created);

  const other = await stripe.prices.create({
    product: product.id,
    currency: "usd",
    unit_amount: 9900,
    recurring: { interval: "month" },
  });
  const changed = await stripe.subscriptions.update(subscription.id, {
    items: [{ id: subscription.items.data[0].id, price: other.id }],
    cancel_at_period_end: true,
  });
  assert.equal(changed.items.data[0].price.id, other.id);
  assert.equal(changed.cancel_at, changed.items.data[0].current_period_end);
  const items = await stripe.subscriptionItems.list({ subscription: subscription.id });
  assert.deepEqual(items.data.map((item) => item.price.id), [other.id]);

  await stripe.subscriptions.cancel(subscription.id);
  assert.deepEqual((await stripe.subscriptions.list({ customer: customer.id })).data, []);
  const [ended] = (await stripe.subscriptions.list({ customer: customer.id, status: "all" })).data;
  assert.equal(ended.status, "canceled");
});

test("a declined card is a card error and an incomplete subscription", async () => {
  const { customer, price } = await customerAndPrice("pm_card_chargeCustomerFail");
  const subscription = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
  assert.equal(subscription.status, "incomplete");
  await assert.rejects(stripe.invoices.pay(subscription.latest_invoice), (error) => {
    assert.ok(error instanceof stripe.constructor.errors.StripeCardError, error.type);
    assert.equal(error.code, "card_declined");
    return true;
  });
});

test("a checkout session of mode subscription", async () => {
  const { price } = await customerAndPrice();
  const session = await stripe.checkout.sessions.create({
    mode: "subscription",
    success_url: "https://example.com/done",
    client_reference_id: "u1",
    line_items: [{ price: price.id, quantity: 1 }],
    subscription_data: { metadata: { user_id: "u1" } },
  });
  assert.equal(session.status, "open");
  const lines = await stripe.checkout.sessions.listLineItems(session.id);
  assert.equal(lines.data[0].price.id, price.id);
  const method = await stripe.paymentMethods.create({
    type: "card",
    card: { token: "tok_visa" },
    billing_details: { email: "guest@example.com" },
  });
  await stripe.rawRequest("POST", `/v1/payment_pages/${session.id}/confirm`, { payment_method: method.id });
  const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ["subscription", "line_items"] });
  assert.equal(done.payment_status, "paid");
  assert.equal(done.subscription.status, "active");
  assert.equal(done.subscription.metadata.user_id, "u1");
  assert.equal(done.customer_details.email, "guest@example.com");
  assert.equal(done.line_items.data[0].quantity, 1);
  const types = (await stripe.events.list({ limit: 20 })).data.map((event) => event.type);
  for (const type of ["customer", "customer.subscription"]) assert.ok(types.includes(`${type}.created`), type);
  for (const type of ["invoice.paid", "checkout.session.completed"]) assert.ok(types.includes(type), type);
  await assert.rejects(stripe.checkout.sessions.expire(session.id), /Only Checkout Sessions with a status in/);
});

test("discounts of a Checkout, and a way into the portal", async () => {
  const { customer, price } = await customerAndPrice();
  const coupon = await stripe.coupons.create({ percent_off: 50, duration: "forever" });
  const promotion = await stripe.promotionCodes.create({ promotion: { type: "coupon", coupon: coupon.id }, code: "HALF" });
  const sell = { mode: "subscription", success_url: "https://shop.example/done", line_items: [{ price: price.id, quantity: 2 }] };
  const session = await stripe.checkout.sessions.create({ ...sell, discounts: [{ promotion_code: promotion.id }], locale: "de" });
  assert.equal(session.amount_total * 2, session.amount_subtotal);
  assert.equal(session.discounts[0].promotion_code, promotion.id);
  const both = stripe.checkout.sessions.create({ ...sell, discounts: [{ coupon: coupon.id }], allow_promotion_codes: true });
  await assert.rejects(both, /You may only specify one of these parameters/);
  await stripe.prices.update(price.id, { active: false });
  await assert.rejects(stripe.checkout.sessions.create(sell), (error) => error.param === "line_items[0][price]" && /inactive/.test(error.message));
  const portal = await stripe.billingPortal.sessions.create({
    customer: customer.id,
    return_url: "https://shop.example/account",
    flow_data: { type: "payment_method_update" },
  });
  assert.equal(portal.flow.type, "payment_method_update");
});

test("entitlements of a customer, with paging", async () => {
  const { customer, product, price } = await customerAndPrice();
  for (let n = 0; n < 11; n += 1) {
    const feature = await stripe.entitlements.features.create({ lookup_key: `feature-${n}`, name: `Feature ${n}` });
    await stripe.products.createFeature(product.id, { entitlement_feature: feature.id });
  }
  await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
  const keys = [];
  const entitlements = stripe.entitlements.activeEntitlements.list({ customer: customer.id });
  for await (const entitlement of entitlements) keys.push(entitlement.lookup_key);
  assert.equal(new Set(keys).size, 11);
});

test("errors arrive as the classes that the package has for them", async () => {
  const { errors } = stripe.constructor;
  await assert.rejects(stripe.customers.retrieve("cus_nobody"), (error) => {
    assert.ok(error instanceof errors.StripeInvalidRequestError);
    assert.deepEqual([error.statusCode, error.code, error.param], [404, "resource_missing", "id"]);
    assert.match(error.requestId, /^req_/);
    return true;
  });
  const { hostname, port } = new URL(standin.url);
  const Stripe = stripe.constructor;
  const live = new Stripe("sk_live_51Counterparts0000", { host: hostname, port, protocol: "http" });
  await assert.rejects(live.customers.list(), (error) => error instanceof errors.StripeAuthenticationError);
});

test("one idempotency key, one customer", async () => {
  const options = { idempotencyKey: "key-1" };
  const first = await stripe.customers.create({ email: "once@example.com" }, options);
  const again = await stripe.customers.create({ email: "once@example.com" }, options);
  assert.equal(first.id, again.id);
  await assert.rejects(stripe.customers.create({ email: "twice@example.com" }, options), (error) => {
    return error instanceof stripe.constructor.errors.StripeIdempotencyError;
  });
});

test("an older API version has the older shape", async () => {
  const { customer, price } = await customerAndPrice();
  const { id } = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
  const old = client(standin.url, { apiVersion: "2024-06-20" });
  const subscription = await old.subscriptions.retrieve(id, { expand: ["latest_invoice.payment_intent"] });
  assert.ok(subscription.current_period_end > subscription.current_period_start);
  assert.equal(subscription.plan.id, price.id);
  assert.equal(subscription.latest_invoice.subscription, id);
  assert.equal(subscription.latest_invoice.payment_intent.status, "succeeded");
});
