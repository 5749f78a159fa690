// What every page must be: accessible, valid, as wide as the screen, and silent on the console.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import fs from "node:fs";
import { HtmlValidate } from "html-validate";

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const validator = new HtmlValidate({
  extends: ["html-validate:recommended"],
  rules: {
    "no-inline-style": "error",
    // Leptos puts the nonce of the content security policy into the `crossorigin` of two links; browsers take it for "anonymous".
    "attribute-allowed-values": "off",
    // An input without a type is a text field.
    "no-implicit-input-type": "off",
    // A group of checkboxes shares its name, as radio buttons do.
    "form-dup-name": ["error", { shared: ["radio", "checkbox", "button", "reset", "submit"] }],
  },
});

/** Runs axe on the page as it stands and fails with what it found. It is a script, so pages without scripts are looked at with them. */
export async function accessible(page, what) {
  if (!(await page.evaluate(() => matchMedia("(scripting: enabled)").matches))) return;
  await page.evaluate(axe);
  const result = await page.evaluate(() =>
    axe.run(document, { preload: false, runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
  );
  const found = result.violations.map((violation) => `${violation.id}: ${violation.help}\n${violation.nodes.map((node) => `    ${node.html}\n      ${node.any.concat(node.all, node.none).map((check) => check.message).join("; ")}`).join("\n")}`);
  assert.equal(found.length, 0, `${what}: axe found\n  ${found.join("\n  ")}`);
}

/** A page never scrolls sideways; a table may, in its own region. */
export async function fits(page, what) {
  const [beyond, widest] = await page.evaluate(() => {
    const root = document.documentElement;
    const outside = [...document.querySelectorAll("body *")].filter(
      (element) => !element.closest(".scroll, .tabs, .vh, .sprite") && element.getBoundingClientRect().right > root.clientWidth + 1,
    );
    return [root.scrollWidth - root.clientWidth, outside.slice(0, 3).map((element) => element.outerHTML.slice(0, 160))];
  });
  assert.ok(beyond <= 0, `${what}: ${beyond} px wider than the screen: ${widest.join(" | ")}`);
}

/** The HTML as the server sent it. */
export async function valid(html, what) {
  // Leptos marks where two texts meet; browsers drop the mark.
  const report = await validator.validateString(html.replaceAll("<!>", ""));
  const found = report.results.flatMap((result) => result.messages).filter((message) => message.severity === 2);
  assert.equal(
    found.length,
    0,
    `${what}: invalid HTML\n${found.map((message) => `  ${message.ruleId} ${message.line}:${message.column} ${message.message} ${message.selector ?? ""}`).join("\n")}`,
  );
}

/** Collects what the page says on the console; call the result to fail on it. */
export function listen(page) {
  const said = [];
  page.on("console", (message) => {
    if (message.type() === "error") said.push(`${message.type()}: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => said.push(`thrown: ${error.message}`));
  const silent = (what) => assert.deepEqual(said.splice(0), [], `${what}: the console is not silent`);
  silent.forget = () => said.splice(0);
  return silent;
}
