// Who is signed in: a cookie with the user's id and a signature over it. Your application has its own sign-in; all that the rest of
// this example needs of it is `request.user`.
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

// Made anew at each start, which signs everybody out. Keep yours somewhere.
const secret = randomBytes(32);

const sign = (user) => createHmac("sha256", secret).update(user).digest("base64url");

/** Puts the user's id on the request, or null. */
export function session(request, _response, next) {
  request.user = null;
  const cookie = /(?:^|; )shop=([^;]+)/.exec(request.headers.cookie ?? "")?.[1] ?? "";
  const [user, signature = ""] = cookie.split(".").map((part) => Buffer.from(part, "base64url").toString());
  const expected = Buffer.from(sign(user));
  const given = Buffer.from(signature);
  if (user && given.length === expected.length && timingSafeEqual(given, expected)) request.user = user;
  next();
}

/** Signs in. `SameSite=Lax` keeps other sites from sending our forms in this user's name. */
export function signIn(response, user) {
  const value = [user, sign(user)].map((part) => Buffer.from(part).toString("base64url")).join(".");
  response.setHeader("set-cookie", `shop=${value}; Path=/; HttpOnly; SameSite=Lax`);
}

/** Signs out. */
export function signOut(response) {
  response.setHeader("set-cookie", "shop=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
}
