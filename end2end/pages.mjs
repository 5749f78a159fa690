// Every page of the admin app that can be looked at without changing anything. `first` picks a link on the page before it.

/** A row's link in a list, by the path it leads to. */
const row = (list, prefix) => async (page) => {
  await page.goto(list);
  const links = await page.locator(`main a[href^="${prefix}"]`).evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  const target = links.find((href) => /^[^?#]+\/[^/?#]+$/.test(href) && href.length > prefix.length);
  if (!target) throw new Error(`${list} has no link to ${prefix}…`);
  return target;
};

export const pages = [
  ["overview", "/admin"],
  ["customers", "/admin/customers"],
  ["customers-found", "/admin/customers?q=a"],
  ["customers-none", "/admin/customers?q=nobody-of-this-name"],
  ["customer", row("/admin/customers", "/admin/customers/")],
  ["mappings", "/admin/mappings"],
  ["subscriptions", "/admin/subscriptions"],
  ["events", "/admin/events"],
  ["events-failed", "/admin/events?status=failed"],
  ["events-none", "/admin/events?type=no.such.type"],
  ["event", row("/admin/events", "/admin/events/")],
  ["unattributed", "/admin/unattributed"],
  ["catalog", "/admin/catalog"],
  ["api-keys", "/admin/api-keys"],
  ["not-found", "/admin/customers/cus_never_heard_of"],
];

/** Where a page is, asking the list it is linked from where its id is not known beforehand. */
export const address = (where, page) => (typeof where === "string" ? where : where(page));
