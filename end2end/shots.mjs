// Pictures of every page, light and dark, wide and narrow, into end2end/shots: for a person to look at.
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { launch, open, signIn } from "./browser.mjs";
import { address, pages } from "./pages.mjs";
import { demo } from "./program.mjs";

const folder = fileURLToPath(new URL("shots/", import.meta.url));
fs.rmSync(folder, { recursive: true, force: true });
fs.mkdirSync(folder, { recursive: true });

const program = await demo();
const browser = await launch();
try {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 360]) {
      const page = await open(browser, program.origin, { colorScheme, viewport: { width, height: 900 } });
      await page.goto("/admin/login");
      await page.screenshot({ path: `${folder}login-${colorScheme}-${width}.png`, fullPage: true });
      await signIn(page, program);
      for (const [name, where] of pages) {
        await page.goto(await address(where, page));
        await page.screenshot({ path: `${folder}${name}-${colorScheme}-${width}.png`, fullPage: true });
      }
      await page.context().close();
    }
  }
} finally {
  await browser.close();
  await program.stop();
}
console.log(`${fs.readdirSync(folder).length} pictures in ${folder}`);
