// Passkeys with the browser's virtual authenticator: added, enough alone, second after the password, removed.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { forget, launch, open } from "../browser.mjs";
import { accessible, fits, listen, valid } from "../check.mjs";
import { firstStart, freePort } from "../program.mjs";

const email = "owner@example.com";
const password = "four words in a row";

describe("passkeys", () => {
  let browser;
  let program;
  let page;
  let silent;
  let devices;
  let authenticatorId;
  before(async () => {
    const port = await freePort();
    const origin = `http://localhost:${port}`;
    const started = firstStart({ PUBLIC_URL: origin }, `127.0.0.1:${port}`);
    [browser, program] = await Promise.all([launch(), started]);
    page = await open(browser, origin, {});
    silent = listen(page);
    devices = await page.context().newCDPSession(page);
    await devices.send("WebAuthn.enable");
    const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true };
    ({ authenticatorId } = await devices.send("WebAuthn.addVirtualAuthenticator", { options }));
    await page.goto(program.setup);
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Name").fill("Ada");
    await page.getByLabel("Password").fill(password);
    await press("Create owner");
    await page.waitForURL("**/admin");
  });
  after(async () => {
    await browser?.close();
    await program?.stop();
  });

  const press = (name) => page.getByRole("button", { name, exact: true }).click();
  const looked = async (what) => {
    await accessible(page, what);
    await fits(page, what);
  };
  const sound = async (what) => {
    await looked(what);
    const response = await page.request.get(page.url());
    await valid(await response.text(), what);
  };

  test("one is added with the password, and brings recovery codes", async () => {
    await page.goto("/admin/account/security");
    await sound("security without a passkey");
    await page.getByLabel("Name").fill("Phone");
    await page.locator("#add_password").fill(password);
    await press("Add a passkey");
    await page.waitForURL("**/admin/account/passkeys/new");
    await sound("a new passkey");
    await press("Create the passkey");
    await page.getByRole("heading", { name: "Ten codes" }).waitFor();
    await looked("the recovery codes");
    await page.getByRole("link", { name: "I have kept them" }).click();
    await page.getByRole("row").filter({ hasText: "Phone" }).getByText("Not yet").waitFor();
    await sound("security with a passkey");
    silent("added");
  });

  test("it signs in alone", async () => {
    await forget(page);
    await page.goto("/admin/login?return_to=/admin/events");
    await sound("sign in");
    await press("Sign in with a passkey");
    await page.waitForURL((url) => url.pathname === "/admin/events");
    silent("alone");
  });

  test("a refused prompt is said by the button", async () => {
    await forget(page);
    await devices.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
    await page.goto("/admin/login");
    await press("Sign in with a passkey");
    await page.getByText("No passkey was used: it was cancelled, or took too long. Try again.").waitFor();
    await looked("a refused prompt");
    await devices.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });
    silent("refused");
  });

  test("it is the second factor after the password", async () => {
    await page.goto("/admin/login?return_to=/admin/events");
    await page.locator("input[name=email]").fill(email);
    await page.locator("input[name=password]").fill(password);
    await press("Sign in");
    await page.waitForURL((url) => url.pathname === "/admin/login/code");
    await looked("the second factor");
    assert.equal(await page.getByLabel("Code", { exact: true }).count(), 0);
    await press("Use a passkey");
    await page.waitForURL((url) => url.pathname === "/admin/events");
    silent("second");
  });

  test("it is removed with the password, and the password alone is enough again", async () => {
    await page.goto("/admin/account/security");
    await page.getByText("Remove a passkey", { exact: true }).click();
    await page.locator("#remove_password").fill(password);
    await looked("removal");
    await press("Remove it");
    await page.getByRole("status").filter({ hasText: "The passkey is removed." }).waitFor();
    await forget(page);
    await page.goto("/admin/login");
    await press("Sign in with a passkey");
    await page.getByText("No account here has this passkey, or it took too long.").first().waitFor();
    silent.but(422, "a passkey that is not known");
    await page.locator("input[name=email]").fill(email);
    await page.locator("input[name=password]").fill(password);
    await press("Sign in");
    await page.waitForURL("**/admin");
    silent("removed");
  });
});
