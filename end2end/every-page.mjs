// Visits every page of a list, and looks at each in every way. Two look at the same time: one waits for the server while the other measures.
import assert from "node:assert/strict";
import { listen, sound } from "./check.mjs";
import { open, signIn } from "./browser.mjs";
import { address } from "./pages.mjs";

/**
 * Visits each `[name, where, status]` as somebody of their own session; `see` gets the page, its name, and the server's
 * answer, and may answer with the status that the page has come to. */
export async function visit(browser, program, list, see) {
  const waiting = [...list];
  const faults = [];
  const visitor = async () => {
    const page = await open(browser, program.origin);
    const silent = listen(page);
    await signIn(page, program);
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [name, where, status = 200] = next;
      try {
        const url = await address(where, page);
        silent(`${name}: the list before it`);
        const answer = await page.goto(url);
        assert.equal(answer.status(), status, `${name} at ${url}`);
        const last = (await see(page, name, answer)) ?? status;
        silent.but(last, name);
      } catch (error) {
        // Every page is looked at, so that one run names all that is to be mended.
        faults.push(`${name}: ${error.message}`);
        silent.forget();
      }
    }
    await page.context().close();
  };
  await Promise.all([visitor(), visitor()]);
  assert.equal(faults.length, 0, `${faults.length} pages are not as they have to be\n\n${faults.join("\n\n")}`);
}

/** Every page of the list is sound. */
export const everySound = (browser, program, list) => visit(browser, program, list, async (page, name, answer) => sound(page, name, await answer.text()));
