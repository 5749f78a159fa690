// Every page with what the demonstration has: sound in every way, and closed to who is signed out.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch } from "../browser.mjs";
import { everySound } from "../every-page.mjs";
import { pages } from "../pages.mjs";
import { demo } from "../program.mjs";

describe("every page", () => {
  let browser;
  let program;
  before(async () => {
    [browser, program] = await Promise.all([launch(), demo()]);
  });
  after(async () => {
    await browser?.close();
    await program?.stop();
  });

  test("is refused to who is signed out, and sends the strict headers", async () => {
    for (const [name, where] of pages.filter(([, where]) => typeof where === "string")) {
      const answer = await fetch(program.origin + where, { redirect: "manual" });
      assert.equal(answer.status, 303, name);
      assert.match(answer.headers.get("location"), /^\/admin\/login/, name);
    }
    const answer = await fetch(`${program.origin}/admin/login`);
    const policy = answer.headers.get("content-security-policy") ?? "";
    for (const part of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]) {
      assert.ok(policy.includes(part), `${part} is missing in: ${policy}`);
    }
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval(?<!wasm-unsafe-eval)/);
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  });

  // In two halves, so that neither runs out of time on a busy machine.
  const middle = Math.ceil(pages.length / 2);
  test("is sound (first half)", () => everySound(browser, program, pages.slice(0, middle)));
  test("is sound (second half)", () => everySound(browser, program, pages.slice(middle)));
});
