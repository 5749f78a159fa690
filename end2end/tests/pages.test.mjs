// Every page to who is signed out.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { pages } from "../pages.mjs";
import { demo } from "../program.mjs";

describe("every page", () => {
  let program;
  before(async () => {
    program = await demo();
  });
  after(async () => {
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
});
