/**
 * Owns signing in and registering at `/sign-in?next=`: by password, or by the address alone where the shop allows it
 * (`GET /api/auth/methods`).
 */

import { pathOf } from "../shared/address.js";
import { ApiError, reportFault, retrying } from "../shared/api.js";
import { el, fill, setAttribute, setText, show } from "../shared/dom.js";
import { problem } from "./notices.js";
import { atBeginning } from "./timing.js";
import { words } from "./words.js";

/** @typedef {import("./main.js").Shop} Shop */
/** @typedef {"email" | "password" | "register"} Way */
/** @typedef {{ email: boolean, register: boolean }} Methods beside a password, which works everywhere */

/** Where this page is. */
const ADDRESS = "/sign-in";
const PASSWORD_MIN = 8;

/** Where to sign in, to come back to this page. */
export function signInPath() {
  const path = pathOf(location);
  return path === ADDRESS ? ADDRESS : `${ADDRESS}?next=${encodeURIComponent(path + location.hash)}`;
}

/**
 * The page to go to afterwards: one of this shop's that is not this one, whatever the address says. It is the whole
 * address: a path such as `//other.example` alone leads to another host.
 */
function nextPath() {
  const next = new URLSearchParams(location.search).get("next") ?? "/";
  const url = URL.canParse(next, location.origin) ? new URL(next, location.origin) : null;
  // A blob has its page's origin, and is no page.
  const isOurs = url?.protocol === location.protocol && url.origin === location.origin;
  return isOurs && pathOf(url) !== ADDRESS ? url.href : "/";
}

export class SignIn {
  /** @type {Shop} */
  #shop;
  /** @type {HTMLElement} */
  #place;
  #heading = el("h1");
  #line = el("p", { class: "muted" });
  #email = el("input", { id: "email", type: "email", name: "email", autocomplete: "username", required: true, inputmode: "email", autocapitalize: "none", spellcheck: "false" });
  #password = el("input", { id: "password", type: "password", name: "password", "aria-describedby": "password-hint" });
  #passwordHint = el("p", { class: "hint", id: "password-hint" });
  #passwordField = el("div", { class: "field" }, el("label", { for: "password" }, words.signIn.password), this.#password, this.#passwordHint);
  #fault = el("p", { class: "note bad", id: "sign-in-fault", role: "alert", hidden: true });
  #submit = el("button", { class: "button primary", type: "submit" });
  #other = el("button", { class: "button plain", type: "button", onclick: () => this.#use(this.#way === "password" ? "email" : "password") });
  #register = el("button", { class: "button plain", type: "button", onclick: () => this.#use(this.#way === "register" ? "password" : "register") });
  /** @type {Way} */
  #way = "password";
  /** @type {Methods} */
  #methods = { email: false, register: true };
  #isBusy = false;

  /**
   * @param {Shop} shop
   * @param {HTMLElement} place
   */
  constructor(shop, place) {
    this.#shop = shop;
    this.#place = place;
    document.title = `${words.titles.signIn} · ${shop.name}`;
  }

  async start() {
    const { session } = this.#shop;
    if (session.signedIn !== null) {
      location.replace(nextPath());
      return;
    }
    // Another tab may sign in, too.
    session.onChange((signedIn) => signedIn !== null && location.replace(nextPath()));
    const form = el(
      "form",
      { class: "card sign-in", novalidate: true, onsubmit: (/** @type {SubmitEvent} */ event) => this.#send(event) },
      this.#heading,
      this.#line,
      el("div", { class: "field" }, el("label", { for: "email" }, words.signIn.email), this.#email),
      this.#passwordField,
      this.#fault,
      this.#submit,
      el("div", { class: "ways" }, this.#other, this.#register),
    );
    this.#email.value = session.email;
    this.#use(this.#way);
    fill(this.#place, el("div", { class: "skeleton sign-in-place" }));
    await this.#learnMethods();
    fill(this.#place, form);
    this.#use(this.#methods.email ? "email" : "password");
    (this.#email.value === "" ? this.#email : this.#way === "email" ? this.#submit : this.#password).focus();
  }

  async #learnMethods() {
    const pause = problem(words.problem.loading);
    const { data } = await retrying(() => this.#shop.api.get("/api/auth/methods", { anonymous: true }), {
      onPause: (_failure, pauseMs) => {
        pause.showFor(pauseMs);
        this.#place.prepend(pause.element);
      },
    });
    pause.end();
    this.#methods = { email: data.email, register: data.registration };
  }

  /** @param {Way} way */
  #use(way) {
    this.#way = way;
    const isNew = way === "register";
    const { email, register } = this.#methods;
    setText(this.#heading, isNew ? words.signIn.headingNew : words.signIn.heading);
    setText(this.#line, way === "email" ? words.signIn.byEmail : words.signIn.back);
    show(this.#passwordField, way !== "email");
    setText(this.#passwordHint, isNew ? words.signIn.passwordHint : "");
    setAttribute(this.#password, "autocomplete", isNew ? "new-password" : "current-password");
    setText(this.#submit, isNew ? words.signIn.submitNew : words.signIn.submit);
    setText(this.#other, way === "password" ? words.signIn.withoutPassword : words.signIn.withPassword);
    show(this.#other, email && !isNew);
    setText(this.#register, isNew ? words.signIn.toOld : words.signIn.toNew);
    // By address alone nobody needs an account beforehand.
    show(this.#register, register && way !== "email");
    this.#say("", null);
  }

  /** @param {SubmitEvent} event */
  async #send(event) {
    event.preventDefault();
    const email = this.#email.value.trim();
    const password = this.#password.value;
    if (this.#isBusy || !this.#check(email, password)) {
      return;
    }
    this.#isBusy = true;
    setAttribute(this.#submit, "aria-disabled", "true");
    setText(this.#submit, words.signIn.working);
    try {
      const path = this.#way === "register" ? "/api/auth/register" : "/api/auth/login";
      const body = this.#way === "email" ? { email } : { email, password };
      // The session's change leads on.
      this.#shop.session.begin(await this.#shop.api.post(path, body, { anonymous: true }));
    } catch (error) {
      this.#isBusy = false;
      setAttribute(this.#submit, "aria-disabled", null);
      setText(this.#submit, this.#way === "register" ? words.signIn.submitNew : words.signIn.submit);
      this.#explain(error);
    }
  }

  /**
   * @param {string} email
   * @param {string} password
   */
  #check(email, password) {
    if (email === "") {
      this.#say(words.signIn.emailMissing, this.#email);
      return false;
    }
    if (this.#way === "password" && password === "") {
      this.#say(words.signIn.passwordMissing, this.#password);
      return false;
    }
    if (this.#way === "register" && [...password].length < PASSWORD_MIN) {
      this.#say(words.signIn.passwordShort, this.#password);
      return false;
    }
    return true;
  }

  /** @param {unknown} error */
  #explain(error) {
    reportFault(error);
    if (!(error instanceof ApiError) || error.status === 0) {
      this.#say(words.problem.loading, null);
    } else if (error.status === 401 && this.#way === "email") {
      this.#use("password");
      this.#say(words.signIn.needsPassword, this.#password);
    } else if (error.status === 401) {
      this.#say(words.signIn.wrong, this.#password);
    } else if (error.status === 409) {
      this.#use("password");
      this.#say(words.signIn.taken, this.#password);
    } else if (error.status === 429) {
      this.#say(words.signIn.tooMany(String(error.retryAfter ?? 60)), null);
    } else {
      const { field } = error.problem;
      const fault = field === "email" ? words.signIn.emailWrong : atBeginning(error.detail) || words.problem.loading;
      this.#say(fault, field === "password" ? this.#password : this.#email);
    }
  }

  /**
   * @param {string} fault
   * @param {HTMLInputElement | null} input which one it is about
   */
  #say(fault, input) {
    setText(this.#fault, fault);
    show(this.#fault, fault !== "");
    for (const one of [this.#email, this.#password]) {
      setAttribute(one, "aria-invalid", one === input ? "true" : null);
      const hint = one === this.#password ? "password-hint" : null;
      setAttribute(one, "aria-describedby", one === input ? ["sign-in-fault", hint].filter(Boolean).join(" ") : hint);
    }
    input?.focus();
  }
}
