/**
 * The sign-in of admins. A buyer who signs in here reads why that is no use, and no session begins.
 */

import { ApiError } from "../shared/api.js";
import { el } from "../shared/dom.js";
import { field, form, input } from "./form.js";
import * as service from "./service.js";
import { words } from "./words.js";

/** @returns {import("./main.js").Page} */
export function signInPage() {
  const { session } = service;
  const email = field(
    words.signIn.email,
    input({ type: "email", autocomplete: "username", required: true, value: session.email }),
  );
  const password = field(
    words.signIn.password,
    input({ type: "password", autocomplete: "current-password", required: true }),
  );
  const refused = el("p", { class: "note bad", role: "alert", hidden: true }, words.signIn.buyer, " ", el("a", { href: "/" }, words.signIn.toShop));
  const send = async () => {
    refused.hidden = true;
    try {
      const signedIn = await service.signIn(email.control.value, password.control.value);
      if (signedIn.userType === "admin") session.begin(signedIn);
      else refused.hidden = false;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      password.fail(words.signIn.wrong);
      password.control.focus();
    }
  };
  const card = el(
    "section",
    { class: "card sign-in stack" },
    el("h1", {}, words.signIn.title),
    ended(session.why),
    form({ fields: { email, password }, submit: words.signIn.submit, send }, email.node, password.node, refused),
  );
  return { title: words.signIn.submit, nodes: [card] };
}

/** Why the last session ended, where the visitor did not end it. @param {import("../shared/session.js").Why} why */
function ended(why) {
  if (why === "expired") return el("p", { class: "note warn" }, words.signIn.expired);
  return why === "revoked" && el("p", { class: "note warn" }, words.signIn.lost);
}
