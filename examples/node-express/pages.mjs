// The shop's pages: plain HTML and forms, so everything works without JavaScript in the browser.

const escape = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** A form with one button. */
const button = (action, label, fields = {}) => `<form method="post" action="${action}">
${Object.entries(fields).map(([name, value]) => `<input type="hidden" name="${name}" value="${escape(value)}">`).join("\n")}
<button type="submit">${escape(label)}</button>
</form>`;

function page(title, user, body) {
  const who = user
    ? `<p>You are <strong>${escape(user)}</strong>.</p>\n${button("/sign-out", "Sign out")}`
    : `<form method="post" action="/sign-in">
<label for="user">User id</label>
<input id="user" name="user" required maxlength="200" autocomplete="username">
<button type="submit">Sign in</button>
</form>`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} · Example shop</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/shop.css">
</head>
<body>
<header>
<nav aria-label="Shop"><a href="/">Prices</a> <a href="/pro">Pro area</a></nav>
<div class="who">${who}</div>
</header>
<main>
<h1>${escape(title)}</h1>
${body}
</main>
</body>
</html>
`;
}

function money(price) {
  const { unit_amount: cents, currency, recurring } = price;
  const amount = new Intl.NumberFormat("en", { style: "currency", currency }).format(cents / 100);
  return recurring ? `${amount} a ${recurring.interval}` : `${amount} once`;
}

/** What is for sale. `prices` are Stripe's. */
export const pricing = (user, prices) =>
  page(
    "Prices",
    user,
    `<ul class="prices">
${prices
  .map(
    (price) => `<li>
<h2>${escape(price.product.name)}</h2>
<p>${escape(money(price))}</p>
${user ? button("/checkout", `Buy ${price.product.name}`, { price: price.id }) : "<p>Sign in to buy.</p>"}
</li>`,
  )
  .join("\n")}
</ul>
${user ? button("/portal", "Manage my subscription") : ""}`,
  );

/** The buyer is back, and in. */
export const welcome = (user) =>
  page("You are in", user, `<p>Thank you! <a href="/pro">Go to the pro area</a>.</p>`);

/** The buyer is back, but there is no access yet. `message` is Tollkeeper's sentence, when it had one. */
export const waiting = (user, message, again) =>
  page(
    "Almost there",
    user,
    `<p role="status">${escape(message ?? "Your payment has arrived, but what you bought is not set up yet. We are on it.")}</p>
<p><a href="${escape(again)}">Look again</a></p>`,
  );

/** What the money is for. */
export const pro = (user) => page("Pro area", user, "<p>Only those who may are in here.</p>");

/** No access. `reason` is Tollkeeper's word, such as `no_payment`; the sentences are the shop's own. */
export function denied(user, reason) {
  const sentences = {
    payment_pending: "Your payment is on its way. Come back when it has arrived.",
    grace_period_over: "Your last payment failed. Please give another payment method.",
    subscription_unpaid: "Your last payment failed. Please give another payment method.",
    subscription_canceled: "Your subscription has ended.",
    refunded: "Your payment was refunded.",
  };
  const sentence = sentences[reason] ?? "This is for those who bought Pro.";
  return page("Not yet", user, `<p>${sentence} <a href="/">See the prices</a>.</p>`);
}

/** Something went wrong. */
export const problem = (user, title, sentence) => page(title, user, `<p role="alert">${escape(sentence)}</p>`);

/** The shop's looks. */
export const style = `:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 44rem; margin: 0 auto; padding: 1rem; }
header, .who, .who form { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: center; }
header { justify-content: space-between; border-bottom: 1px solid; padding-block-end: 0.5rem; }
.who p { margin: 0; }
nav a { display: inline-block; padding: 0.25rem 0.5rem; }
.prices { display: flex; flex-wrap: wrap; gap: 1rem; padding: 0; list-style: none; }
.prices li { flex: 1 1 12rem; border: 1px solid; border-radius: 8px; padding: 0 1rem 1rem; }
button, input { font: inherit; min-height: 2.25rem; max-width: 100%; }
`;
