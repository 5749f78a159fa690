// What it takes to use a page by keyboard alone.
import assert from "node:assert/strict";

/**
 * Tabs through a page: every control is reached, in the order of the document, with a visible outline and not below the sticky header
 * (WCAG 2.1.1, 2.1.2, 2.4.3, 2.4.7, 2.4.11). What is found is told in one go.
 */
export async function tabThrough(page, what) {
  await page.evaluate(() => {
    // A search field may have the focus from the start; the order begins where the document does.
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
    const selector = "a[href], button:not([disabled]), input:not([type=hidden], [disabled]), select:not([disabled]), textarea:not([disabled]), summary, [tabindex='0']";
    const shown = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest("details:not([open]) > :not(summary)");
    // Of radio buttons of one name only one is in the order.
    const first = (element, at, all) =>
      element.type !== "radio" || element === (all.find((other) => other.name === element.name && other.checked) ?? all.find((other) => other.name === element.name));
    window.controls = [...document.querySelectorAll(selector)].filter(shown).filter(first);
    window.reached = [];
    window.faults = [];
    const words = (element) => element.outerHTML.slice(0, 120);
    document.addEventListener("focusin", ({ target }) => {
      const style = getComputedStyle(target);
      const outlined = target.matches(":focus-visible") && style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2;
      if (!outlined) window.faults.push(`no outline: ${words(target)}`);
      const box = target.getBoundingClientRect();
      const hit = document.elementFromPoint(box.left + Math.min(box.width, 20) / 2, box.top + Math.min(box.height, 20) / 2);
      const covered = hit?.closest("header.top") && !hit.closest("header.top").contains(target);
      if (covered) window.faults.push(`below the header: ${words(target)}`);
      if (box.bottom <= 0 || box.top >= innerHeight) window.faults.push(`out of sight: ${words(target)}`);
      window.reached.push(target);
    });
  });
  const count = await page.evaluate(() => window.controls.length);
  for (let n = 0; n < count; n += 1) await page.keyboard.press("Tab");
  const faults = await page.evaluate(() => {
    const { controls, reached, faults } = window;
    // Browsers let people scroll what scrolls, without being asked.
    const own = reached.filter((element) => controls.includes(element) || element.scrollWidth <= element.clientWidth);
    const words = (element) => element?.outerHTML.slice(0, 120) ?? "nothing";
    const at = controls.findIndex((element, n) => own[n] !== element);
    const extra = reached.length - own.length;
    if (at !== -1 && at < own.length - extra) faults.push(`control ${at + 1} of ${controls.length} is ${words(controls[at])}, reached was ${words(own[at])}`);
    return faults;
  });
  assert.deepEqual(faults, [], `${what} by keyboard`);
  return count;
}

/** Tabs on to the control of this name, as a person without a mouse does. */
export async function tabTo(page, name) {
  const seen = [];
  for (let n = 0; n < 200; n += 1) {
    await page.keyboard.press("Tab");
    const found = await page.evaluate(() => {
      const element = document.activeElement;
      const label = element.labels?.[0]?.innerText ?? element.getAttribute("aria-label") ?? element.innerText ?? "";
      return label.trim().replaceAll(/\s+/g, " ");
    });
    if (typeof name === "string" ? found === name : name.test(found)) return;
    seen.push(found);
  }
  assert.fail(`Tab never came to ${name}; it came to ${[...new Set(seen)].join(" | ")}`);
}
