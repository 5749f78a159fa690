// Every page of the admin app that can be looked at without changing anything: its name, its address or how to find it, and its status
// when that is not 200.

/** A row's link in a list, by the path it leads to. */
const row = (list, prefix) => async (page) => {
  await page.goto(list);
  const links = await page.locator(`main a[href^="${prefix}"]`).evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  const target = links.find((href) => /^[^?#]+\/[^/?#]+$/.test(href) && href.length > prefix.length);
  if (!target) throw new Error(`${list} has no link to ${prefix}…`);
  return target;
};

/** A question about a moment so many days ago. */
const ago = (path, days) => () => {
  const at = new Date(Date.now() - days * 86_400_000).toISOString();
  return `${path}?at_day=${at.slice(0, 10)}&at_time=${encodeURIComponent(at.slice(11, 16))}&at_feature=pro`;
};

/** The first link of a page whose address holds a text. */
const link = (list, part) => async (page) => {
  await page.goto(list);
  return page.locator(`main a[href*="${part}"]`).first().getAttribute("href");
};

export const pages = [
  ["overview", "/admin"],
  ["ending", "/admin/ending"],
  ["ending-week", "/admin/ending?days=7"],
  ["customers", "/admin/customers"],
  ["customers-found", "/admin/customers?q=a"],
  ["customers-none", "/admin/customers?q=nobody-of-this-name"],
  ...["denied", "override", "differs", "unattributed", "no_customer"].map((filter) => [`customers-${filter}`, `/admin/customers?filter=${filter}`]),
  ["customer", row("/admin/customers", "/admin/customers/")],
  ...["events", "subscriptions", "overrides", "checks", "mappings", "raw"].map((tab) => [`customer-${tab}`, `/admin/customers/user_ok_by_override?tab=${tab}`]),
  ...["webhook", "entitlement"].map((link) => [`customer-${link}`, `/admin/customers/user_ok_by_override?feature=pro&link=${link}`]),
  ["customer-access", "/admin/customers/user_ok_by_override?show=access"],
  ["customer-past", ago("/admin/customers/user_pass_expired", 2)],
  ["customer-before-history", ago("/admin/customers/user_guest", 90)],
  ["customer-broken", "/admin/customers/user_price_not_in_catalog?feature=pro"],
  ["customer-erase", "/admin/customers/user_ok_by_override/erase"],
  ["customer-compare", "/admin/customers/user_drift/compare"],
  ["resyncs", "/admin/resyncs"],
  ["resync", row("/admin/resyncs", "/admin/resyncs/")],
  ["replays", "/admin/replays"],
  ["replay", row("/admin/replays", "/admin/replays/rpl_")],
  ["replay-new", "/admin/replays/new?status=failed"],
  ["replay-new-all", "/admin/replays/new?since=30d"],
  ["replay-new-none", "/admin/replays/new?status=failed&type=no.such.type"],
  ["customer-grant", "/admin/customers/user_sub_canceled/overrides/new?feature=pro"],
  ["overrides", "/admin/overrides"],
  ...["ending", "no_end", "mine", "ended"].map((list) => [`overrides-${list}`, `/admin/overrides?list=${list}`]),
  ["extend", link("/admin/overrides", "/overrides/change?what=extend")],
  ["revoke", link("/admin/overrides", "/revoke")],
  ["mappings", "/admin/mappings"],
  ["mappings-found", "/admin/mappings?q=cus_demook"],
  ["mappings-none", "/admin/mappings?q=nobody-of-this-name"],
  ["conflicts", "/admin/mappings?list=conflicts"],
  ["mapping", row("/admin/mappings", "/admin/mappings/cus_")],
  ["mapping-moved", "/admin/mappings/link?customer_id=cus_DemoOk&user_id=user_sub_none"],
  ["conflict", link("/admin/mappings", "resolution=move")],
  ["unlink", link("/admin/mappings", "/delete")],
  ["subscriptions", "/admin/subscriptions"],
  ["subscriptions-past-due", "/admin/subscriptions?status=past_due"],
  ["subscriptions-none", "/admin/subscriptions?status=no_such_status"],
  ["subscription", row("/admin/subscriptions", "/admin/subscriptions/")],
  ["events", "/admin/events"],
  ["events-failed", "/admin/events?status=failed"],
  ["events-fetched", "/admin/events?origin=fetched"],
  ["event-fetched", row("/admin/events?origin=fetched", "/admin/events/")],
  ["events-narrowed", "/admin/events?since=24h&version=2026-09-30.endive&error=status"],
  ["events-custom", "/admin/events?from=2026-01-01T00:00"],
  ["events-none-now", "/admin/events?since=1h&type=no.such.type"],
  ["events-none", "/admin/events?type=no.such.type"],
  ["event", row("/admin/events?type=customer.subscription.updated&since=any", "/admin/events/")],
  ["event-failed", row("/admin/events?status=failed", "/admin/events/")],
  ["event-ignore", async (page) => `${await row("/admin/events?status=failed", "/admin/events/")(page)}/ignore`],
  ["events-rejected", "/admin/events?status=rejected"],
  ["unattributed", "/admin/unattributed"],
  ["unattributed-ignored", "/admin/unattributed?list=ignored"],
  ["link", row("/admin/unattributed", "/admin/unattributed/")],
  ["catalog", "/admin/catalog"],
  ["price", row("/admin/catalog", "/admin/catalog/prices/")],
  ["price-once", "/admin/catalog/prices/price_DemoPass"],
  ["price-policy", "/admin/catalog/prices/price_DemoProMonthly/policy"],
  ["product", "/admin/catalog/products/prod_DemoTeam"],
  ["price-preview", "/admin/catalog/prices/price_DemoProMonthly/preview?feature=pro&feature=projects&value_projects=3"],
  ["price-preview-nothing", "/admin/catalog/prices/price_DemoProMonthly/preview?feature=pro&feature=projects&feature=api-access"],
  ["price-policy-preview", "/admin/catalog/prices/price_DemoProMonthly/policy/preview?past_due_grace=1h&trialing=deny"],
  ["features", "/admin/features"],
  ["feature", "/admin/features/pro"],
  ["feature-at-risk", "/admin/features/pro?way=at_risk"],
  ["feature-policy", "/admin/features/pro/policy"],
  ["feature-delete", "/admin/features/pro/delete"],
  ["validator", "/admin/validator"],
  ["validator-create", "/admin/validator/endpoint"],
  ["validator-events", "/admin/validator/endpoints/we_demo/events"],
  ["validator-enable", "/admin/validator/endpoints/we_demo/enable"],
  ["simulator", "/admin/simulator"],
  ["simulator-one", "/admin/simulator?user=user_ok_by_override&feature=pro"],
  ["simulator-all", "/admin/simulator?user=user_ok&price=price_DemoTeamMonthly"],
  ["simulator-none", "/admin/simulator?user=cus_never_heard_of"],
  ["audit", "/admin/audit"],
  ["audit-entry", row("/admin/audit", "/admin/audit/")],
  ["audit-none", "/admin/audit?who=nobody@example.com"],
  ["security", "/admin/account/security"],
  ["account", "/admin/account"],
  ["preferences", "/admin/account/preferences"],
  ["shortcuts", "/admin/account/shortcuts"],
  ["api-keys", "/admin/api-keys"],
  ["api-key", row("/admin/api-keys", "/admin/api-keys/key_")],
  ["api-key-rotate", async (page) => `${await row("/admin/api-keys", "/admin/api-keys/key_")(page)}/rotate`],
  ["settings", "/admin/settings"],
  ["system", "/admin/system"],
  ["staff", "/admin/staff"],
  ["search", "/admin/search?q=user_"],
  ["search-none", "/admin/search?q=nobody-of-this-name"],
  ["not-found", "/admin/customers/cus_never_heard_of", 404],
  ["no-page", "/admin/no/such/page", 404],
  // From here on the other mode is shown, for which the demonstration has no key.
  ["events-live", "/admin/events?mode=live"],
  ["event-live", row("/admin/events?mode=live&since=any", "/admin/events/")],
];

/** Where a page is, asking the list it is linked from where its id is not known beforehand. */
export const address = (where, page) => (typeof where === "string" ? where : where(page));
