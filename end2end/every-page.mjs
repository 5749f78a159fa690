// Every page in one colour scheme, wide and narrow: accessible, valid, no wider than the screen, nothing on the console.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launch, open, signIn } from "./browser.mjs";
import { accessible, fits, listen, valid } from "./check.mjs";
import { address, pages } from "./pages.mjs";
import { demo } from "./program.mjs";

/** Declares the tests; each colour scheme has a file of its own, so that none runs out of time on a busy machine. */
export function everyPage(colorScheme) {
  describe(`every page in ${colorScheme}`, () => {
    let browser;
    let program;
    before(async () => {
      [browser, program] = await Promise.all([launch(), demo()]);
    });
    after(async () => {
      await browser?.close();
      await program?.stop();
    });

    for (const width of [1280, 360]) {
      test(`is sound in ${colorScheme} at ${width} px`, async () => {
        const page = await open(browser, program.origin, { colorScheme, viewport: { width, height: 900 } });
        const silent = listen(page);
        const look = async (name) => {
          await accessible(page, name);
          await fits(page, name);
        };
        await page.goto("/admin/login");
        await look("login");
        await signIn(page, program);
        silent("login");
        for (const [name, where] of pages) {
          const url = await address(where, page);
          silent(`${name}: the list before it`);
          const answer = await page.goto(url);
          const expected = name === "not-found" ? 404 : 200;
          assert.equal(answer.status(), expected, `${name} at ${url}`);
          // Islands are hidden until the WASM has woken them; a WASM of other sources never does.
          await page.waitForFunction(() => !document.querySelector("script[type=module]") || !document.querySelector("leptos-island button[hidden]"));
          await look(name);
          // Chromium itself reports the 404 of a page that has to be one.
          if (expected === 200) silent(name);
          else silent.forget();
          if (width === 1280 && colorScheme === "light") await valid(await answer.text(), name);
        }
        await page.context().close();
      });
    }
  });
}
