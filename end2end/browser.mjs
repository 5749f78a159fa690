// Debian's Chromium, driven by Playwright's library.
import { chromium } from "playwright-core";

const flags = [
  "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

/** How long a test waits for what has to come, in milliseconds. */
export const PATIENCE = 60_000;

/** A browser that asks nothing of the internet; `more` are flags beyond those. */
export function launch(more = []) {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: [...flags, ...more] });
}

/** A signed-out page of its own session. */
export async function open(browser, origin, options = {}) {
  const context = await browser.newContext({ baseURL: origin, viewport: { width: 1280, height: 900 }, ...options });
  // Long for what is on this machine: a busy one is slow, and a wait that runs out costs time only where something is missing.
  context.setDefaultTimeout(PATIENCE);
  return context.newPage();
}

/** Signs in as the demonstration's owner by the form. */
export async function signIn(page, { email, password }) {
  await page.goto("/admin/login");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => !url.pathname.startsWith("/admin/login"));
}

/** Forgets the session, away from pages that would ask on with it: what they are refused would stand on the console. */
export async function forget(page) {
  await page.goto("about:blank");
  await page.context().clearCookies();
}

/** Makes the owner of a first start by the link that it printed; the program with the owner's e-mail address and password. */
export async function setUp(browser, program) {
  const owner = { email: "ada@example.com", password: "a long and quiet evening" };
  const page = await open(browser, program.origin);
  await page.goto(program.setup);
  await page.locator("input[name=email]").fill(owner.email);
  await page.locator("input[name=name]").fill("Ada");
  await page.locator("input[name=password]").fill(owner.password);
  await page.locator("form:has(input[name=password]) button[type=submit]").click();
  await page.waitForURL("**/admin");
  await page.context().close();
  return { ...program, ...owner };
}
