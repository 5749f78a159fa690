// What every page must be in every state: accessible, valid, as wide as the screen however it is looked at, and silent on the console.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import fs from "node:fs";
import { HtmlValidate } from "html-validate";

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** What a colour scheme can change; all else is the same document. */
const ofColour = ["color-contrast", "link-in-text-block"];
const validator = new HtmlValidate({
  extends: ["html-validate:recommended"],
  rules: {
    "no-inline-style": "error",
    // A group of checkboxes shares its name, as radio buttons do.
    "form-dup-name": ["error", { shared: ["radio", "checkbox", "button", "reset", "submit"] }],
  },
});

/** Whether scripts run: axe is one, so pages without scripts are looked at with them. */
const runs = (page) => page.evaluate(() => matchMedia("(scripting: enabled)").matches);

/** Runs axe on the page as it stands, or only its rules of colours, and fails with what it found or could not decide. */
export async function accessible(page, what, { colours = false } = {}) {
  if (!(await runs(page))) return;
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  // What a refused form leads to may leave a link half below the bar at the top, where anybody scrolls it out again.
  await page.evaluate(() => scrollTo(0, 0));
  const found = await page.evaluate(
    async ([tags, ofColour, colours]) => {
      const options = colours ? { runOnly: { type: "rule", values: ofColour } } : { runOnly: tags, rules: { "target-size": { enabled: true } } };
      const result = await axe.run(document, { ...options, preload: false, resultTypes: ["violations", "incomplete"] });

      /** Red, green, blue and opacity of a computed colour. */
      const parts = (colour) => {
        const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
        return { r, g, b, a };
      };
      const luminance = ({ r, g, b }) => {
        const linear = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
      };
      // axe asks what lies above a text, so it cannot tell for cells that are scrolled out of their table, nor for single characters.
      // Nothing lies above those: the colours can be read off the styles.
      const contrast = (element) => {
        let behind = element;
        while (behind && parts(getComputedStyle(behind).backgroundColor).a === 0) behind = behind.parentElement;
        const [text, ground] = [getComputedStyle(element).color, getComputedStyle(behind ?? document.body).backgroundColor].map(parts);
        if (text.a < 1 || ground.a < 1) return 0;
        const [light, dark] = [luminance(text), luminance(ground)].sort((a, b) => b - a);
        return (light + 0.05) / (dark + 0.05);
      };
      const undecided = result.incomplete.flatMap((rule) =>
        rule.nodes
          .map((node) => ({ rule, node, element: document.querySelector(node.target[0]), why: node.any.map((check) => check.data?.messageKey).join() }))
          .filter(({ element, why }) => {
            const hidden = rule.id === "color-contrast" && (why === "shortTextContent" || (/^(elm|bgOverlap)/.test(why) && element?.closest(".scroll, .tabs, .palette ul")));
            return !(hidden && contrast(element) >= 4.5);
          }),
      );
      const words = (node) => `    ${node.html}\n      ${node.any.concat(node.all, node.none).map((check) => check.message).join("; ")}`;
      return [
        ...result.violations.map((rule) => `${rule.id}: ${rule.help}\n${rule.nodes.map(words).join("\n")}`),
        ...undecided.map(({ rule, node }) => `undecided ${rule.id}\n${words(node)}`),
      ];
    },
    [tags, ofColour, colours],
  );
  assert.equal(found.length, 0, `${what}: axe found\n  ${found.join("\n  ")}`);
}

/** A page never scrolls sideways; a table may, in its own region, where no cell reaches into the next. */
export async function fits(page, what) {
  const [beyond, widest, over] = await page.evaluate(() => {
    const root = document.documentElement;
    const outside = [...document.querySelectorAll("body *")].filter(
      (element) => !element.closest(".scroll, .tabs, .vh, .sprite") && element.getBoundingClientRect().right > root.clientWidth + 1,
    );
    const over = [...document.querySelectorAll(".tbl :is(th, td)")].filter((cell) => cell.checkVisibility() && cell.scrollWidth > cell.clientWidth + 1);
    return [root.scrollWidth - root.clientWidth, ...[outside, over].map((all) => all.slice(0, 3).map((element) => element.outerHTML.slice(0, 160)))];
  });
  assert.ok(beyond <= 0, `${what}: ${beyond} px wider than the screen: ${widest.join(" | ")}`);
  assert.deepEqual(over, [], `${what}: a cell holds more than its column is wide`);
}

/** Whoever widens the space between lines, words and letters loses nothing of the text (WCAG 1.4.12). */
async function fitsWithSpace(page, what) {
  const cut = await page.evaluate(() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important } p { margin-block-end: 2em !important }");
    document.adoptedStyleSheets = [sheet];
    const cuts = (element) => {
      const style = getComputedStyle(element);
      if (style.overflowX === "visible" || element.matches(".scroll, .tabs, .vh, .vh *, .sprite, .sprite *, .clip, input, select, textarea")) return false;
      return element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1;
    };
    return [...document.querySelectorAll("main *")].filter(cuts).map((element) => element.outerHTML.slice(0, 160));
  });
  await fits(page, `${what} with wide spacing`);
  assert.deepEqual(cut, [], `${what}: cut off with wide spacing`);
  await page.evaluate(() => (document.adoptedStyleSheets = []));
}

/** In forced colours backgrounds are gone: what is more than text keeps a border, and the focus an outline. */
async function bordered(page, what) {
  const bare = await page.evaluate(() => {
    const shown = [...document.querySelectorAll(".chip, .btn:not(.link), .verdict, .flash, .banner, .stat, .card, input:not([type=hidden]), select, textarea")].filter((element) => element.checkVisibility());
    const without = shown.filter((element) => {
      const style = getComputedStyle(element);
      // A box to tick is drawn by the system.
      return !element.matches("[type=checkbox], [type=radio]") && (style.borderTopStyle === "none" || Number.parseFloat(style.borderTopWidth) < 1);
    });
    return without.map((element) => element.outerHTML.slice(0, 160));
  });
  assert.deepEqual(bare, [], `${what}: without a border in forced colours`);
  await page.keyboard.press("Tab");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(outline, "none", `${what}: no focus to see in forced colours`);
}

/** Whether a message is about hidden fields alone: several of one name are a list, as boxes are, which the rule has no option for. */
function isListOfHidden({ ruleId, message }, html) {
  const name = ruleId === "form-dup-name" && /name "(.+)"$/.exec(message)?.[1];
  const fields = name ? [...html.matchAll(/<input[^>]*>/g)].map(([tag]) => tag).filter((tag) => tag.includes(`name="${name}"`)) : [];
  return fields.length > 0 && fields.every((tag) => tag.includes('type="hidden"'));
}

/** The HTML as the server sent it. */
export async function valid(html, what) {
  // Leptos marks where two texts meet; browsers drop the mark.
  const report = await validator.validateString(html.replaceAll("<!>", ""));
  const errors = report.results.flatMap((result) => result.messages).filter((message) => message.severity === 2);
  const found = errors.filter((message) => !isListOfHidden(message, html));
  assert.equal(
    found.length,
    0,
    `${what}: invalid HTML\n${found.map((message) => `  ${message.ruleId} ${message.line}:${message.column} ${message.message} ${message.selector ?? ""}`).join("\n")}`,
  );
}

/** What of a page is hidden, or has no role, until the WASM has woken the islands; a WASM of other sources never does. */
const ASLEEP = "leptos-island button[hidden], [data-copy][hidden], #offers:not([role])";

/** Waits until a page with scripts is awake. */
export const awake = (page) => page.waitForFunction((asleep) => !document.querySelector("script[type=module]") || !document.querySelector(asleep), ASLEEP);

/**
 * Looks at a page in every way: light and dark, wide and narrow, at 400 % zoom (1280 px are 320 then), with wide spacing, in forced
 * colours, without motion. The document is loaded once, so that scripts and server are asked once. `html` is what the server sent.
 */
export async function sound(page, what, html) {
  await awake(page);
  const look = (width, media) => Promise.all([page.setViewportSize({ width, height: 900 }), page.emulateMedia(media)]);
  await look(1280, { colorScheme: "light", reducedMotion: "reduce" });
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0, `${what}: something moves for who wants nothing to`);
  await accessible(page, `${what}, light, 1280 px`);
  await fits(page, `${what} at 1280 px`);
  await look(1280, { colorScheme: "dark" });
  await accessible(page, `${what}, dark, 1280 px`, { colours: true });
  await look(360, { colorScheme: "dark" });
  await accessible(page, `${what}, dark, 360 px`, { colours: true });
  await look(360, { colorScheme: "light" });
  await accessible(page, `${what}, light, 360 px`);
  await fits(page, `${what} at 360 px`);
  await fitsWithSpace(page, `${what} at 360 px`);
  await look(320, {});
  await fits(page, `${what} at 400 % zoom`);
  await look(1280, { forcedColors: "active" });
  await bordered(page, what);
  await look(1280, { forcedColors: "none", colorScheme: null, reducedMotion: null });
  await valid(html, what);
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
  /** Chromium itself reports the status of a page that has to be refused or not found; nothing else may be said. */
  silent.but = (status, what) => {
    const others = said.splice(0).filter((line) => !line.includes(`the server responded with a status of ${status}`));
    assert.deepEqual(others, [], `${what}: the console is not silent`);
  };
  return silent;
}
