/**
 * Dialogs: a form in a `<dialog>`, and the question before something dangerous.
 *
 * The browser keeps the focus inside, gives it back afterwards, and closes by Escape. A dialog closes by itself once
 * its request has succeeded; while the request is on its way it stays. There is one dialog at a time: a second click
 * opens no second one.
 */

import { announce, el } from "../shared/dom.js";
import { field, form, input, plain } from "./form.js";
import { focusHeading } from "./update.js";
import { words } from "./words.js";

/**
 * Opens a dialog.
 * @param {string} title
 * @param {(close: () => void) => Node} content
 */
export function openDialog(title, content) {
  if (document.querySelector("dialog[open]")) return;
  const dialog = el("dialog", { "aria-labelledby": "dialog-title" });
  const close = () => dialog.close();
  dialog.append(el("h2", { id: "dialog-title" }, title), content(close));
  dialog.addEventListener("cancel", (event) => {
    if (dialog.querySelector("form[aria-busy]")) event.preventDefault();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    // What opened it may be gone by now.
    if (document.activeElement === null || document.activeElement === document.body) focusHeading();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * Asks before something is done.
 * @param {object} question
 * @param {string} question.title
 * @param {(string | Node)[]} question.consequences what will happen, in numbers
 * @param {string} question.confirm the label of the button that does it
 * @param {string} [question.back] the label of the button that does not
 * @param {boolean} [question.danger]
 * @param {string} [question.typed] a name to be typed first: for what cannot be undone
 * @param {(onPause: (pauseMs: number) => void) => Promise<string | void>} question.act its text is announced
 */
export function ask({ title, consequences, confirm, back, danger = false, typed, act }) {
  openDialog(title, (close) => {
    // A name without anything to see cannot be typed.
    const name = typed === undefined || plain(typed) === "" ? null : field(words.form.typeName(typed), input({ autocomplete: "off", required: true }));
    return form(
      {
        fields: name ? { name } : {},
        submit: confirm,
        danger,
        cancel: close,
        ...(back !== undefined && { back }),
        check: () => {
          if (!name || plain(name.control.value) === plain(typed ?? "")) return true;
          name.fail(words.form.otherName);
          return false;
        },
        send: async (onPause) => {
          const done = await act(onPause);
          close();
          if (done) announce(done);
        },
      },
      ...consequences.map((sentence) => el("p", {}, sentence)),
      name?.node,
    );
  });
}
