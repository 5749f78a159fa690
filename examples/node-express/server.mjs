// A small shop. Stripe takes the money, Tollkeeper says who may come in, and the shop keeps no word about payments of its own.
import express from "express";
import Stripe from "stripe";
import * as pages from "./pages.mjs";
import { session, signIn, signOut } from "./session.mjs";
import { tollkeeper } from "./tollkeeper.mjs";

/** A setting from the environment; without a default it has to be there. */
function setting(name, otherwise) {
  const value = process.env[name] || otherwise;
  if (value === undefined) {
    console.error(`Set ${name}: see README.md.`);
    process.exit(2);
  }
  return value;
}

// What the catalog of Tollkeeper calls the thing that is sold, and the Stripe prices that give it.
const FEATURE = setting("FEATURE", "pro");
const PRICES = setting("PRICES").split(",");

const keeper = tollkeeper({ url: setting("TOLLKEEPER_URL"), apiKey: setting("TOLLKEEPER_API_KEY") });
const stripe = new Stripe(setting("STRIPE_SECRET_KEY"), stripeAt(process.env.STRIPE_API_BASE));

/** Another address than Stripe's own, for a stand-in. */
function stripeAt(base) {
  if (!base) return {};
  const { protocol, hostname, port } = new URL(base);
  return { protocol: protocol.slice(0, -1), host: hostname, port };
}

const app = express();
app.disable("x-powered-by");
app.use(express.urlencoded({ extended: false }));
app.use(session);

/** Where the browser sees us, for the ways back from Stripe. Behind a proxy, set PUBLIC_URL. */
const here = (request) => process.env.PUBLIC_URL || `${request.protocol}://${request.get("host")}`;

app.get("/shop.css", (_request, response) => response.type("css").send(pages.style));

// The pricing page: the prices come from Stripe, so they are never wrong here. A real shop would keep them for a minute.
app.get("/", async (request, response) => {
  const prices = await Promise.all(PRICES.map((id) => stripe.prices.retrieve(id, { expand: ["product"] })));
  response.send(pages.pricing(request.user, prices));
});

app.post("/sign-in", (request, response) => {
  const user = String(request.body?.user ?? "").trim();
  if (!user || user.length > 200) {
    return response.status(422).send(pages.problem(null, "Who are you?", "A user id has 1 to 200 characters."));
  }
  signIn(response, user);
  response.redirect(303, "/");
});

app.post("/sign-out", (_request, response) => {
  signOut(response);
  response.redirect(303, "/");
});

/** Only for those who are signed in. */
function signedIn(request, response, next) {
  if (request.user) return next();
  response.status(401).send(pages.problem(null, "Please sign in", "We need to know who you are first."));
}

// Buying: Tollkeeper makes the Checkout Session, so that the purchase finds its user whatever happens on the way back.
app.post("/checkout", signedIn, async (request, response) => {
  if (!PRICES.includes(request.body?.price)) return response.status(422).send("This is nothing we sell.");
  const price = await stripe.prices.retrieve(request.body.price);
  const checkout = await keeper.checkout({
    user_id: request.user,
    price: price.id,
    mode: price.recurring ? "subscription" : "payment",
    // Stripe puts the session's id in the place of the braces.
    success_url: `${here(request)}/welcome?session_id={CHECKOUT_SESSION_ID}`,
    cancel_url: `${here(request)}/`,
  });
  response.redirect(303, checkout.url);
});

// The success page. The buyer may be here before Stripe's webhook, so Tollkeeper is asked to look for itself.
app.get("/welcome", signedIn, async (request, response) => {
  const id = String(request.query.session_id ?? "");
  const synced = await keeper.sync(id, request.user);
  const answer = synced.entitlements.find((entitlement) => entitlement.feature === FEATURE);
  if (answer?.allowed) return response.send(pages.welcome(request.user));
  response.send(pages.waiting(request.user, synced.message, `/welcome?${new URLSearchParams({ session_id: id })}`));
});

/** Lets in only who may use the feature. When Tollkeeper does not answer, nobody gets in: a wrong no can be tried again. */
const only = (feature) => async (request, response, next) => {
  const answer = await keeper.access(request.user, feature);
  if (answer.allowed) return next();
  response.status(403).send(pages.denied(request.user, answer.reason));
};

app.get("/pro", signedIn, only(FEATURE), (request, response) => response.send(pages.pro(request.user)));

// Cancelling, invoices, payment methods: Stripe's own pages.
app.post("/portal", signedIn, async (request, response) => {
  const portal = await keeper.portal(request.user, `${here(request)}/`);
  response.redirect(303, portal.url);
});

// Whatever fails above ends here. Express hands over what an asynchronous handler throws.
app.use((error, request, response, _next) => {
  console.error(`${request.method} ${request.path}: ${error.message}`);
  // What the user did is at fault, and Tollkeeper's sentence says how.
  if (["no_customer", "session_of_other_user", "resource_missing"].includes(error.code)) {
    return response.status(error.status).send(pages.problem(request.user, "That did not work", error.message));
  }
  const sentence = "We cannot look up what you may use right now. Nothing is lost; please try again in a moment.";
  response.status(503).send(pages.problem(request.user, "Please try again", sentence));
});

const server = app.listen(Number(setting("PORT", "3001")), "127.0.0.1", (error) => {
  if (error) {
    console.error(`Cannot listen: ${error.message}. Set PORT to another one.`);
    process.exit(1);
  }
  console.log(`Example shop: http://127.0.0.1:${server.address().port}/`);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}
