// Every form that was refused, and what somebody may not see: it says why, and is sound in every way, as the full pages are.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { forget, launch, open, signIn } from "../browser.mjs";
import { sound } from "../check.mjs";
import { visit } from "../every-page.mjs";
import { demo } from "../program.mjs";
import { refusals, refuse } from "../states.mjs";

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
    const viewer = { email: "vera@example.com", password: "an hour beside the lake" };
    const form = page.locator("main form[action='/admin/staff']");
    await form.locator("[name=email]").fill(viewer.email);
    await form.locator("[name=role]").selectOption("viewer");
    await form.locator("button[type=submit]").click();
    const link = (await page.locator("main .id").first().innerText()).trim();
    await forget(page);
    await page.goto("/admin/invite?token=0");
    await sound(page, "a link that is worth nothing", await page.content());
    await page.goto(link);
    await page.getByLabel("Password").fill("12345678");
    const common = page.waitForResponse((response) => response.request().method() === "POST");
    await page.getByRole("button", { name: "Save and sign in" }).click();
    await sound(page, "a password that is too common", await (await common).text());
    await page.getByLabel("Password").fill(viewer.password);
    await page.getByRole("button", { name: "Save and sign in" }).click();
    await page.waitForURL("**/admin");
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
