// A second factor at sign-in: set up, asked for, recovered, turned off. With and without JavaScript.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { forget, launch, open, signIn } from "../browser.mjs";
import { accessible, fits, listen, valid } from "../check.mjs";
import { demo } from "../program.mjs";

const STEP = 30_000;

/** The code of an authenticator (RFC 6238) for a key in base32. */
function codeOf(key, at) {
  const bits = [...key].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const seed = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / STEP)));
  const hash = createHmac("sha1", seed).update(counter).digest();
  const number = hash.readUInt32BE(hash.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

for (const javaScriptEnabled of [true, false]) {
  describe(`two-factor sign-in ${javaScriptEnabled ? "with" : "without"} JavaScript`, () => {
    let browser;
    let program;
    let page;
    let silent;
    let key;
    let recovery;
    let used = 0;
    before(async () => {
      [browser, program] = await Promise.all([launch(), demo()]);
      page = await open(browser, program.origin, { javaScriptEnabled });
      silent = listen(page);
      await signIn(page, program);
    });
    after(async () => {
      await browser?.close();
      await program?.stop();
    });

    const press = (name) => page.getByRole("button", { name, exact: true }).click();
    // Each code counts once: the one of the next half minute is taken early, or waited for.
    const next = async () => {
      used = Math.max(used + 1, Math.floor(Date.now() / STEP));
      const early = (used - 1) * STEP - Date.now();
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early + 200));
      return codeOf(key, used * STEP);
    };
    const looked = async (what) => {
      await accessible(page, what);
      await fits(page, what);
    };
    /** The same of a page that can be asked for again: as the server sends it. */
    const sound = async (what) => {
      await looked(what);
      const response = await page.request.get(page.url());
      await valid(await response.text(), what);
    };
    const password = async () => {
      await page.goto("/admin/customers?q=user_ok");
      await page.locator("input[name=email]").fill(program.email);
      await page.locator("input[name=password]").fill(program.password);
      await press("Sign in");
      await page.waitForURL("**/admin/login/code");
    };

    test("it is set up with the password and a first code, and shows recovery codes once", async () => {
      await page.goto("/admin/account/security");
      await page.getByLabel("Your password").fill("not this one");
      await press("Set up two-factor sign-in");
      await page.getByRole("link", { name: "This is not your password." }).waitFor();
      silent.but(422, "a wrong password");
      await page.getByLabel("Your password").fill(program.password);
      await press("Set up two-factor sign-in");
      await page.waitForURL("**/admin/account/2fa");
      await sound("the key");
      const link = new URL(await page.getByRole("link", { name: "open your authenticator" }).getAttribute("href"));
      assert.equal(link.protocol, "otpauth:");
      key = link.searchParams.get("secret");
      await page.getByLabel("Code that the authenticator shows").fill("12");
      await press("Turn it on");
      await page.getByText(/^This is not the code of this key/).first().waitFor();
      silent.but(422, "a wrong code");
      await page.getByLabel("Code that the authenticator shows").fill(await next());
      await press("Turn it on");
      await page.getByRole("heading", { name: "Ten codes" }).waitFor();
      await looked("the recovery codes");
      recovery = await page.locator("ol.codes li").allInnerTexts();
      assert.equal(recovery.length, 10);
      await page.getByRole("link", { name: "I have kept them" }).click();
      await page.getByText("10 recovery codes left").waitFor();
      await sound("security");
      await page.goto("/admin/staff");
      await page.locator("tr").filter({ hasText: program.email }).getByText("2FA", { exact: true }).waitFor();
      await looked("staff");
      silent("set up");
    });

    test("after the password a code is asked for, and nothing opens before", async () => {
      await forget(page);
      await password();
      assert.equal(await page.getByLabel("Code", { exact: true }).getAttribute("autocomplete"), "one-time-code");
      await looked("the code");
      await page.goto("/admin/customers");
      assert.match(page.url(), /\/admin\/login\?/);
      await page.goto("/admin/login/code");
      await page.getByLabel("Code", { exact: true }).fill(codeOf(key, used * STEP));
      await press("Sign in");
      await page.getByText("This code is wrong, or was used already. Wait for the next one.").first().waitFor();
      await looked("a code that was used");
      silent.but(422, "a code that was used");
      await page.getByLabel("Code", { exact: true }).fill(await next());
      await press("Sign in");
      await page.waitForURL("**/admin/customers?q=user_ok");
      silent("signed in");
    });

    test("a recovery code signs in once", async () => {
      await forget(page);
      const give = async (code, words) => {
        await page.getByLabel("Recovery code").fill(code);
        await press("Sign in with it");
        await page.getByText(words).first().waitFor();
      };
      await password();
      await page.getByText("You have lost the authenticator?").click();
      await give(recovery[0], "That recovery code is used up. 9 are left.");
      await forget(page);
      await password();
      await page.getByText("You have lost the authenticator?").click();
      await give(recovery[0], "This recovery code is wrong, or was used already.");
      await looked("a recovery code that was used");
      await give(recovery[1], "8 are left.");
      silent.but(422, "a code that was used");
      silent("recovered");
    });

    test("it is turned off with the password and a code", async () => {
      await page.goto("/admin/account/security");
      await page.getByText("8 recovery codes left").waitFor();
      await page.getByText("Turn it off", { exact: true }).click();
      await page.getByLabel("Your password").fill(program.password);
      await page.getByLabel("Code to turn it off").fill(recovery[2]);
      await press("Turn two-factor sign-in off");
      await page.getByRole("status").filter({ hasText: "Two-factor sign-in is off." }).waitFor();
      await forget(page);
      await signIn(page, program);
      await page.goto("/admin/audit");
      await page.locator("main tbody").getByText(/^Turned two-factor sign-in off for/).first().waitFor();
      silent("off");
    });
  });
}
