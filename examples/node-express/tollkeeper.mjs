// The four things this shop asks of Tollkeeper. Each is one HTTP request; there is no library to install.

/** Tollkeeper said no, or nothing. `code` is a word for programs, `message` a sentence for people. */
export class TollkeeperError extends Error {
  constructor(message, { status, code } = {}) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Asks the Tollkeeper at `url` with an API key of the scope `write`. The key stays on the server: never send it to a browser. */
export function tollkeeper({ url, apiKey }) {
  // It may stand below a path: https://example.com/billing.
  const base = url.replace(/\/+$/, "");
  async function ask(method, path, { body, timeout = 10_000, headers = {} } = {}) {
    let answer;
    try {
      answer = await fetch(`${base}${path}`, {
        method,
        headers: { authorization: `Bearer ${apiKey}`, ...(body && { "content-type": "application/json" }), ...headers },
        body: body && JSON.stringify(body),
        // Nobody should wait for ever because another program does not answer.
        signal: AbortSignal.timeout(timeout),
      });
    } catch (cause) {
      throw new TollkeeperError(`Tollkeeper does not answer: ${cause.message}`);
    }
    const json = await answer.json().catch(() => null);
    if (answer.ok && json) return json;
    const { code, message } = json?.error ?? {};
    throw new TollkeeperError(message ?? `Tollkeeper answered with status ${answer.status}`, { status: answer.status, code });
  }

  return {
    /** May this user use this feature? Answered from memory, so it can be asked on every request. */
    access: (user, feature) =>
      ask("GET", `/v1/access?${new URLSearchParams({ user_id: user, feature })}`, { timeout: 2_000 }),

    /** A Checkout Session that knows its user from birth. Send the buyer to its `url`. */
    checkout: (session) => ask("POST", "/v1/checkout-sessions", { body: session }),

    /** Stripe's customer portal for this user: payment methods, invoices, cancelling. Send the customer to its `url`. */
    portal: (user, returnUrl) => ask("POST", "/v1/portal-sessions", { body: { user_id: user, return_url: returnUrl } }),

    /**
     * What the success page asks: takes the purchase in now, whether Stripe's webhook has arrived or not. It waits up to 5 s for
     * a payment in progress and then says `pending`. `user` makes sure that nobody shows us somebody else's session.
     */
    sync: (session, user) =>
      ask("POST", "/v1/sync", { body: { checkout_session_id: session, user_id: user }, timeout: 20_000 }),
  };
}
