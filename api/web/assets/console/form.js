/**
 * Forms: fields with a label, a hint and a fault, and what happens when one is sent.
 *
 * A form that is sent is busy until the answer is known. A fault that the API finds in a field stands at that field;
 * every other one stands above the buttons. The fields keep their content.
 */

import { ApiError } from "../shared/api.js";
import { el, fill, setAttribute, setText, show } from "../shared/dom.js";
import { failureText } from "./failures.js";
import { words } from "./words.js";

/** @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control */
/**
 * @typedef {object} Field
 * @property {HTMLElement} node
 * @property {Control} control
 * @property {(fault: string) => void} fail shows a fault; an empty one takes it away
 * @property {(hint: string) => void} setHint
 */

let made = 0;

/**
 * A text as people can see and type it: how many spaces it has, and of which kind, is not to be seen; nor are characters
 * such as a zero-width space.
 * @param {string} text
 */
export function plain(text) {
  return text.normalize("NFKC").replace(/\p{Default_Ignorable_Code_Point}|\p{Cf}/gu, "").replace(/[\s\p{Cc}]+/gu, " ").trim();
}

/**
 * A control with its label.
 * @param {string} label
 * @param {Control} control
 * @param {string} [hint]
 * @returns {Field}
 */
export function field(label, control, hint = "") {
  made += 1;
  control.id ||= `field-${made}`;
  const hintNode = el("span", { class: "hint", id: `${control.id}-hint`, hidden: hint === "" }, hint);
  const faultNode = el("span", { class: "fault", id: `${control.id}-fault`, hidden: true });
  control.setAttribute("aria-describedby", `${hintNode.id} ${faultNode.id}`);
  const fail = (/** @type {string} */ fault) => {
    setText(faultNode, fault);
    show(faultNode, fault !== "");
    setAttribute(control, "aria-invalid", fault !== "" && "true");
  };
  control.addEventListener("input", () => fail(""));
  return {
    node: el("div", { class: "field" }, el("label", { for: control.id }, label), control, hintNode, faultNode),
    control,
    fail,
    setHint: (text) => {
      setText(hintNode, text);
      show(hintNode, text !== "");
    },
  };
}

/**
 * @param {import("../shared/dom.js").Attributes} attributes
 * @returns {HTMLInputElement}
 */
export function input(attributes) {
  return el("input", attributes);
}

/**
 * @param {[value: string, text: string][]} options
 * @param {string} [chosen]
 */
export function select(options, chosen = "") {
  return el(
    "select",
    {},
    ...options.map(([value, text]) => el("option", { value, selected: value === chosen }, text)),
  );
}

/**
 * What a form does when it is sent.
 * @typedef {object} Sending
 * @property {Record<string, Field>} fields by the name that the API has for them
 * @property {string} submit the label of the button
 * @property {boolean} [danger]
 * @property {() => boolean} [check] looks at the fields first, and says at each what is wrong; false if anything is
 * @property {(onPause: (pauseMs: number) => void) => Promise<void>} send
 * @property {() => void} [cancel] adds a button that leaves the form
 * @property {string} [back] the label of that button
 */

/**
 * A form with these children, and its buttons below them.
 * @param {Sending} sending
 * @param {...import("../shared/dom.js").Child} children
 */
export function form(sending, ...children) {
  const note = el("p", { class: "note bad", role: "alert", hidden: true });
  const submit = el("button", { class: `button ${sending.danger ? "danger" : "primary"}` }, sending.submit);
  // Where Enter would do something dangerous, the focus begins at the way back.
  const cancel =
    sending.cancel &&
    el("button", { class: "button", type: "button", autofocus: sending.danger && Object.keys(sending.fields).length === 0, onclick: sending.cancel }, sending.back ?? words.action.back);
  const node = el(
    "form",
    { class: "form", novalidate: true },
    ...children,
    note,
    el("div", { class: "buttons" }, submit, cancel),
  );
  const setBusy = (/** @type {boolean} */ isBusy) => {
    setAttribute(node, "aria-busy", isBusy && "true");
    setAttribute(submit, "aria-disabled", isBusy && "true");
    setText(submit, isBusy ? words.form.sending : sending.submit);
    if (cancel) cancel.disabled = isBusy;
  };
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (node.hasAttribute("aria-busy")) return;
    for (const field of Object.values(sending.fields)) field.fail("");
    show(note, false);
    if (!isFilled(sending) || sending.check?.() === false) {
      focusFault(node);
      return;
    }
    setBusy(true);
    try {
      await sending.send((pauseMs) => setText(submit, words.form.again(Math.ceil(pauseMs / 1000))));
    } catch (error) {
      showFailure(error, sending.fields, note);
      focusFault(node);
    } finally {
      setBusy(false);
    }
  });
  return node;
}

/** What the browser itself finds wrong. @param {Sending} sending */
function isFilled({ fields }) {
  let good = true;
  for (const { control, fail } of Object.values(fields)) {
    if (control.checkValidity()) continue;
    good = false;
    const { valueMissing, patternMismatch } = control.validity;
    fail(valueMissing ? words.form.missing : patternMismatch ? words.form.otherForm : control.validationMessage);
  }
  return good;
}

/** @param {HTMLFormElement} node */
function focusFault(node) {
  const place = node.querySelector("[aria-invalid=true]");
  if (place instanceof HTMLElement) place.focus();
}

/**
 * @param {unknown} error
 * @param {Record<string, Field>} fields
 * @param {HTMLElement} note
 */
function showFailure(error, fields, note) {
  const name = error instanceof ApiError ? error.problem["field"] : undefined;
  const place = typeof name === "string" ? fields[name] : undefined;
  if (place) {
    place.fail(failureText(error));
    return;
  }
  fill(note, failureText(error));
  show(note, true);
}
