// Below a path of a host that others share: behind a proxy that leaves the path on, and behind one that takes it off.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { forget, launch, open } from "../browser.mjs";
import { awake, listen } from "../check.mjs";
import { tollkeeper } from "../../examples/node-express/tollkeeper.mjs";
import { firstStart, freePort } from "../program.mjs";

const base = "/tools/billing";
const owner = { email: "ada@example.com", password: "a long and quiet evening" };

/** A host whose path `base` is the program's: `strays` are the requests that went elsewhere. */
async function host(port, target, takesOff) {
  const strays = [];
  const server = http.createServer((request, response) => {
    if (request.url !== base && !request.url.startsWith(`${base}/`)) {
      strays.push(request.url);
      response.writeHead(404).end();
      return;
    }
    const path = takesOff ? request.url.slice(base.length) || "/" : request.url;
    const passed = http.request({ host: "127.0.0.1", port: target, path, method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    passed.on("error", () => response.destroy());
    response.on("close", () => passed.destroy());
    request.pipe(passed);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  const stop = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { strays, stop };
}

for (const takesOff of [false, true]) {
  describe(`below a path that the proxy ${takesOff ? "takes off" : "leaves on"}`, () => {
    let browser;
    let program;
    let proxy;
    let origin;
    before(async () => {
      const [port, target] = [await freePort(), await freePort()];
      origin = `http://localhost:${port}`;
      proxy = await host(port, target, takesOff);
      [browser, program] = await Promise.all([launch(), firstStart({ PUBLIC_URL: `${origin}${base}` }, `127.0.0.1:${target}`)]);
    });
    after(async () => {
      await browser?.close();
      await program?.stop();
      await proxy?.stop();
    });

    const at = (page, path) => page.waitForURL((url) => url.pathname === `${base}${path}`);
    const signIn = async (page) => {
      await page.getByLabel("E-mail").fill(owner.email);
      await page.getByLabel("Password", { exact: true }).fill(owner.password);
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
    };
    const noStrays = (what) => assert.deepEqual(proxy.strays.splice(0), [], `${what}: asked beside ${base}`);

    test("with JavaScript, pages, forms and scripts find their way", async () => {
      const page = await open(browser, origin);
      const silent = listen(page);
      const live = page.waitForResponse((response) => new URL(response.url()).pathname === `${base}/admin/live`);
      assert.ok(program.setup.startsWith(`${origin}${base}/admin/setup?`), program.setup);
      await page.goto(program.setup);
      await page.getByLabel("E-mail").fill(owner.email);
      await page.getByLabel("Name").fill("Ada");
      await page.getByLabel("Password").fill(owner.password);
      await page.getByRole("button", { name: "Create owner" }).click();
      await at(page, "/admin");
      assert.equal((await live).status(), 200, "the page hears what is new");
      assert.ok(await page.evaluate(() => getComputedStyle(document.querySelector(".shell")).display === "grid"), "the style sheet is there");

      await page.goto(`${base}/admin/customers`);
      await page.getByText("Add a user by hand").click();
      await page.getByLabel("User", { exact: true }).fill("user_1");
      await page.getByRole("button", { name: "Add user" }).click();
      await page.getByRole("status").filter({ hasText: "user_1" }).first().waitFor();

      await awake(page);
      for (const [typed, option, path] of [["catal", /Catalog/, "/admin/catalog"], ["user_1", /^Customer\s*user_1/, "/admin/customers/user_1"], ["nobody", /Search for/, "/admin/search"]]) {
        await page.keyboard.press("Control+k");
        await page.keyboard.type(typed);
        await page.locator("dialog#palette").getByRole("option", { name: option }).first().click();
        await at(page, path);
        await awake(page);
      }

      await page.getByRole("button", { name: "Ada" }).click();
      await page.getByRole("button", { name: "Sign out" }).click();
      await at(page, "/admin/login");
      silent("signed out");
      const options = page.waitForResponse((response) => new URL(response.url()).pathname === `${base}/admin/login/passkey/options`);
      await page.getByRole("button", { name: "Sign in with a passkey" }).click();
      assert.equal((await options).status(), 200, "the browser is told what to sign");
      noStrays("with JavaScript");
      await page.context().close();
    });

    test("without JavaScript, too", async () => {
      const page = await open(browser, origin, { javaScriptEnabled: false });
      await page.goto(base);
      await at(page, "/admin/login");
      await signIn(page);
      await at(page, "/admin");
      await page.getByRole("link", { name: "Events", exact: true }).click();
      await at(page, "/admin/events");
      await page.locator("#q").fill("user_1");
      await page.getByRole("button", { name: "Search", exact: true }).first().click();
      await at(page, "/admin/customers/user_1");
      await page.goto(`${base}/admin/customers/no/such`);
      await page.getByRole("link", { name: "Overview", exact: true }).first().click();
      await at(page, "/admin");
      await forget(page);
      await page.goto(`${base}/admin/events?status=failed`);
      await signIn(page);
      await page.waitForURL(`${origin}${base}/admin/events?status=failed`);
      noStrays("without JavaScript");
      await page.context().close();
    });

    test("a host application finds the API", async () => {
      for (const url of [`${origin}${base}`, `${origin}${base}/`]) {
        // That it is the key which is refused says who answers.
        await assert.rejects(tollkeeper({ url, apiKey: "tk_test_nobodys" }).access("user_1", "pro"), { status: 401, code: "api_key_invalid" });
      }
      noStrays("the API");
    });
  });
}
