// An installation that cannot reach Stripe says so where it asks, shows all it has, and is sound in every way.
import { after, before, describe, test } from "node:test";
import { launch, open, setUp, signIn } from "../browser.mjs";
import { everySound } from "../every-page.mjs";
import { firstStart } from "../program.mjs";
import { tell } from "../states.mjs";

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
