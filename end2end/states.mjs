// The states of pages that are not simply there: forms that were refused, and what cannot be shown.
import crypto from "node:crypto";

/** Opens the list and follows its first link whose address holds a text. */
const follow = (list, part) => async (page) => {
  await page.goto(list);
  await page.locator(`main a[href*="${part}"]`).first().click();
};

/**
 * Forms and what is wrong in them: a name, where the form stands, the address it posts to, its bad fields, and a text of the answer.
 * A field that is not named is cleared; boxes are unticked.
 */
export const refusals = [
  ["grant", "/admin/customers/user_sub_canceled/overrides/new", "/overrides", {}, "Choose a feature of the catalog"],
  ["revoke", follow("/admin/overrides", "/revoke"), "/revoke", { reason: "no" }, "at least 5 characters"],
  ["user", "/admin/customers", "/admin/users", {}, "There is a problem"],
  ["resync", "/admin/resyncs", "/admin/resyncs", {}, "at least 5 characters"],
  ["mapping", "/admin/mappings/link?customer_id=cus_DemoOk&user_id=user_sub_none", "/admin/mappings", { reason: "no" }, "at least 5 characters"],
  ["extend", follow("/admin/overrides", "what=extend"), "/admin/overrides/extend", { reason: "no" }, "at least 5 characters"],
  ["ignore-customer", follow("/admin/unattributed", "/admin/unattributed/cus_"), "/ignore", { reason: "no" }, "at least 5 characters"],
  ["link", follow("/admin/unattributed", "/admin/unattributed/cus_"), "/admin/mappings", {}, "There is a problem"],
  ["price", "/admin/catalog/prices/price_DemoProMonthly/preview", "/admin/catalog/prices/", { typed_id: "price_DemoProYearly" }, "is not this price id"],
  ["price-number", "/admin/catalog/prices/price_DemoPass", "/admin/catalog/prices/", { duration_pro: "soon" }, "There is a problem", ["pro"]],
  ["product", "/admin/catalog/products/prod_DemoTeam/preview", "/admin/catalog/products/", {}, "to take access away"],
  ["price-policy", "/admin/catalog/prices/price_DemoProMonthly/policy", "/policy", { past_due_grace: "a while" }, "There is a problem"],
  ["feature-policy", "/admin/features/pro/policy", "/policy", { past_due_grace: "a while" }, "There is a problem"],
  ["feature", "/admin/features", "/admin/features", { key: "not a key" }, "There is a problem"],
  ["api-key", "/admin/api-keys", "/admin/api-keys", {}, "There is a problem"],
  ["api-key-terms", follow("/admin/api-keys", "/admin/api-keys/key_"), "/admin/api-keys/key_", { addresses: "everywhere", check_rate: "0" }, "There is a problem"],
  ["ignore", async (page) => { await page.goto("/admin/events?status=failed"); await page.goto(`${await page.locator("main tbody a[href^='/admin/events/evt_']").first().getAttribute("href")}/ignore`); }, "/ignore", { reason: "no" }, "at least 5 characters"],
  ["replay", "/admin/replays/new?status=failed", "/admin/replays", { rate: "5" }, "at least 5 characters"],
  ["staff", "/admin/staff", "/admin/staff", { email: "nobody" }, "There is a problem"],
];

/** Fills a form in badly and sends it; answers with the page that refuses it. The browser's own checks are put aside: a server trusts none. */
export async function refuse(page, [name, where, action, fields, , ticked = []]) {
  await (typeof where === "string" ? page.goto(where) : where(page));
  const form = page.locator(`main form[method=post][action*="${action}"]`).filter({ has: page.locator("input:not([type=hidden]), textarea") }).first();
  await form.evaluate(
    (element, [fields, ticked]) => {
      element.closest("details")?.setAttribute("open", "");
      element.setAttribute("novalidate", "");
      for (const input of element.querySelectorAll("input:not([type=hidden]), textarea")) {
        if (input.type === "checkbox") input.checked = ticked.includes(input.value);
        else if (input.type !== "radio") input.value = fields[input.name] ?? "";
      }
    },
    [fields, ticked],
  );
  const posted = page.waitForResponse((response) => response.request().method() === "POST");
  const [answer] = await Promise.all([posted, form.locator("button[type=submit]").first().click()]);
  if (answer.status() !== 422) throw new Error(`${name}: the form was answered with ${answer.status()} and not refused`);
  return answer;
}

/** An event of Stripe's, signed as ours, so that an installation without a stand-in has something to show. */
export async function tell(program, secret, type, object) {
  const created = Math.floor(Date.now() / 1000);
  const id = `evt_${type.replaceAll(".", "")}${object.id}`;
  const body = JSON.stringify({ id, object: "event", type, created, livemode: false, api_version: "2026-09-30.endive", data: { object } });
  const signature = crypto.createHmac("sha256", secret).update(`${created}.${body}`).digest("hex");
  const headers = { "content-type": "application/json", "stripe-signature": `t=${created},v1=${signature}` };
  const answer = await fetch(`${program.origin}/webhooks/stripe`, { method: "POST", headers, body });
  if (answer.status !== 200) throw new Error(`${type}: ${answer.status} ${await answer.text()}`);
}
