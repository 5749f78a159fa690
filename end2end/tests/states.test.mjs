// Every page without anything to show, every form that was refused, and what cannot be shown: sound in every way, as the full pages are.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "../browser.mjs";
import { sound } from "../check.mjs";
import { everySound, visit } from "../every-page.mjs";
import { demo, firstStart } from "../program.mjs";
import { refusals, refuse, tell } from "../states.mjs";

const owner = { email: "ada@example.com", password: "a long and quiet evening" };

/** Makes the owner by the link that was printed. */
async function setUp(browser, program) {
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

/** Every page that can be reached by links from the overview, an address without its query once. */
async function reachable(browser, program) {
  const page = await open(browser, program.origin);
  await signIn(page, program);
  const found = new Map([["/admin", "/admin"]]);
  for (const [, url] of found) {
    await page.goto(url);
    const links = await page.locator("a[href^='/admin']").evaluateAll((all) => all.map((link) => link.getAttribute("href").split("#")[0]));
    for (const link of links) if (!found.has(link.split("?")[0])) found.set(link.split("?")[0], link);
  }
  await page.context().close();
  return [...found.entries()].map(([name, url]) => [name, url]);
}

describe("an empty installation", () => {
  let browser;
  let program;
  before(async () => {
    [browser, program] = await Promise.all([launch(), firstStart()]);
    program = await setUp(browser, program);
  });
  after(async () => {
    await browser?.close();
    await program?.stop();
  });

  test("is sound on every page that a link leads to", async () => {
    const list = await reachable(browser, program);
    for (const name of ["/admin/customers", "/admin/events", "/admin/catalog", "/admin/features", "/admin/staff"]) {
      assert.ok(list.some(([found]) => found === name), `no link leads to ${name}`);
    }
    await everySound(browser, program, list.map(([name, url]) => [`${name}, empty`, url]));
  });
});

describe("what is refused or cannot be shown", () => {
  let browser;
  let program;
  before(async () => {
    [browser, program] = await Promise.all([launch(), demo()]);
  });
  after(async () => {
    await browser?.close();
    await program?.stop();
  });

  test("a refused form says what is wrong with it, and is sound", async () => {
    const forms = refusals.map((form) => [form[0], "/admin", 200, form]);
    const form = new Map(forms.map(([name, , , form]) => [name, form]));
    await visit(browser, program, forms, async (page, name) => {
      const answer = await refuse(page, form.get(name));
      await page.locator(".error-summary").filter({ hasText: form.get(name)[4] }).waitFor();
      assert.equal(await page.evaluate(() => document.activeElement?.className), "error-summary", `${name}: the focus is on what is wrong`);
      for (const link of await page.locator(".error-summary a").all()) {
        const target = (await link.getAttribute("href")).slice(1);
        assert.equal(await page.locator(`[id="${target}"]`).count(), 1, `${name}: an error leads to #${target}`);
      }
      await sound(page, `${name}, refused`, await answer.text());
      return 422;
    });
  });

  test("a wrong password, a used link and a missing role are answered by sound pages", async () => {
    const page = await open(browser, program.origin);
    const at = async (url, status, name) => {
      const answer = await page.goto(url);
      assert.equal(answer.status(), status, name);
      await sound(page, name, await answer.text());
    };
    await at("/admin/login", 200, "sign-in");
    await page.getByLabel("E-mail").fill(program.email);
    await page.getByLabel("Password", { exact: true }).fill("not this one at all");
    const refused = page.waitForResponse((response) => response.request().method() === "POST");
    await page.getByRole("button", { name: "Sign in" }).click();
    await sound(page, "sign-in, refused", await (await refused).text());

    await signIn(page, program);
    await page.goto("/admin/staff");
    await page.getByLabel("E-mail address").fill("vera@example.com");
    await page.getByLabel("Role").first().selectOption("viewer");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    const viewer = { email: "vera@example.com", password: (await page.locator("main .flash code").innerText()).trim() };
    await page.context().clearCookies();
    await signIn(page, viewer);
    await at("/admin/staff", 403, "staff, not allowed");
    await at("/admin/customers/user_ok", 200, "a customer to a viewer");
    await at("/admin/api-keys", 200, "API keys to a viewer");
    // The button is disabled; a form that is sent all the same is refused.
    await page.locator("main form[method=post] button[type=submit]").first().evaluate((button) => (button.disabled = false));
    const answered = page.waitForResponse((response) => response.request().method() === "POST");
    await page.locator("main form[method=post]").first().evaluate((form) => { form.setAttribute("novalidate", ""); form.requestSubmit(); });
    const answer = await answered;
    assert.equal(answer.status(), 403);
    await page.waitForLoadState();
    await sound(page, "a form, not allowed", await answer.text());
    await page.context().close();
  });
});

describe("an installation that cannot reach Stripe", () => {
  const secret = "whsec_states0000000000000000000";
  let browser;
  let program;
  before(async () => {
    // Nobody listens there.
    const settings = { STRIPE_SECRET_KEY: "sk_test_states", STRIPE_WEBHOOK_SECRET: secret, STRIPE_API_BASE: "http://127.0.0.1:9" };
    [browser, program] = await Promise.all([launch(), firstStart(settings)]);
    program = await setUp(browser, program);
    await tell(program, secret, "customer.created", { id: "cus_1", object: "customer", email: "ada@example.com", metadata: { user_id: "user_1" } });
  });
  after(async () => {
    await browser?.close();
    await program?.stop();
  });

  test("says so where Stripe is asked, and shows all it has", async () => {
    await everySound(browser, program, [
      ["overview without Stripe", "/admin"],
      ["comparison without Stripe", "/admin/customers/cus_1/compare"],
      ["customer without Stripe", "/admin/customers/cus_1"],
      ["set-up without Stripe", "/admin/validator"],
      ["resyncs without Stripe", "/admin/resyncs"],
      ["catalog without Stripe", "/admin/catalog"],
    ]);
    const page = await open(browser, program.origin);
    await signIn(page, program);
    await page.goto("/admin/customers/cus_1/compare");
    await page.getByText(/Stripe (did|does) not answer|could not be reached|not be read/).first().waitFor();
    await page.context().close();
  });
});
