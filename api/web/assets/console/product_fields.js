/**
 * The fields of a product's details, with a look at its picture.
 */

import { el, show } from "../shared/dom.js";
import { decimalsOf } from "../shared/format.js";
import { field, input } from "./form.js";
import { readPrice } from "./price.js";
import { words } from "./words.js";

/** @typedef {import("./shapes.js").Product} Product */

const UNITS_MAX = 2_147_483_647;
const text = words.products;

/** @param {string} label @param {number} min @param {string} [hint] */
export function unitsField(label, min, hint) {
  return field(label, input({ type: "number", min, max: UNITS_MAX, step: 1, required: true, inputmode: "numeric" }), hint);
}

/**
 * @param {Product | null} product null: of one that is to be created
 */
export function detailFields(product) {
  const texts = textsOf(product);
  const name = field(text.name, input({ required: true, maxlength: 200, value: texts.name }));
  const description = field(text.description, el("textarea", { rows: 4, maxlength: 10_000 }, texts.description));
  const price = field(
    text.price,
    input({ required: true, maxlength: 40, inputmode: "decimal", autocomplete: "off", value: texts.price }),
    product ? text.priceHint : text.priceForm,
  );
  const currency = field(
    text.currency,
    input({ required: true, pattern: "[A-Za-z]{3}", maxlength: 3, autocapitalize: "characters", value: texts.currency }),
    text.currencyHint,
  );
  const image = field(text.picture, input({ maxlength: 2048, pattern: "(https?://|/).*", value: texts.imageUrl }), text.pictureHint);
  const fields = { name, description, price, currency, imageUrl: image };
  const look = preview(/** @type {HTMLInputElement} */ (image.control), image.fail);
  const nodes = [name.node, el("div", { class: "pair" }, price.node, currency.node), description.node, image.node, look];
  /** What the fields hold of the product: a browser writes ends of lines its own way. */
  const shown = typed(fields);
  /** What the product had when the fields showed it. @type {Partial<Product>} */
  const seen = { ...product };
  const priced = () => readPrice(price.control.value, currency.control.value.toUpperCase());
  /** @returns {Record<Detail, string | number | null>} */
  const values = () => {
    const read = priced();
    return {
      name: name.control.value.trim(),
      description: description.control.value.trim() || null,
      price: "amount" in read ? read.amount : null,
      currency: currency.control.value.toUpperCase(),
      imageUrl: image.control.value.trim() || null,
    };
  };
  const isTouched = (/** @type {Detail} */ detail) => fields[detail].control.value !== shown[detail];
  /** Only what somebody has changed is sent: what somebody else changes meanwhile stays. */
  const changes = () =>
    Object.fromEntries(entriesOf(values()).filter(([detail, value]) => isTouched(detail) && seen[detail] !== value));
  const check = () => {
    const read = priced();
    if ("amount" in read || (product && !isTouched("price"))) return true;
    price.fail(read.fault);
    return false;
  };
  /**
   * The product is another one now: fields that said what it was follow it, and what somebody has typed stays.
   * @param {Product} next
   * @param {Record<string, unknown>} [sent] what somebody has saved with it: the API may write that another way
   */
  const follow = (next, sent = {}) => {
    const newest = textsOf(next);
    for (const [detail, value] of entriesOf(values())) {
      const { control } = fields[detail];
      const isKnown = value === seen[detail] || value === next[detail] || value === sent[detail];
      if (isTouched(detail) && !isKnown) continue;
      texts[detail] = newest[detail];
      if (control.value !== newest[detail]) {
        control.value = newest[detail];
        control.dispatchEvent(new Event("change"));
      }
      shown[detail] = control.value;
      Object.assign(seen, { [detail]: next[detail] });
    }
  };
  /**
   * Whether somebody else has changed meanwhile what these fields are about to change: then each of them says so, and the
   * next time it is sent.
   * @param {Product} present
   */
  const areStale = (present) => {
    let isStale = false;
    for (const [detail, value] of entriesOf(/** @type {Record<Detail, unknown>} */ (changes()))) {
      if (present[detail] === seen[detail] || present[detail] === value) continue;
      isStale = true;
      fields[detail].fail(text.moved(texts[detail], textsOf(present)[detail]));
      Object.assign(seen, { [detail]: present[detail] });
      texts[detail] = textsOf(present)[detail];
    }
    return isStale;
  };
  return { fields, nodes, values, changes, check, areStale, follow };
}

/** @typedef {"name" | "description" | "price" | "currency" | "imageUrl"} Detail */

/** @param {Record<Detail, import("./form.js").Field>} fields @returns {Record<Detail, string>} */
function typed(fields) {
  const pairs = Object.entries(fields).map(([detail, { control }]) => [detail, control.value]);
  return Object.fromEntries(pairs);
}

/**
 * @template T
 * @param {Record<Detail, T>} details
 */
function entriesOf(details) {
  return /** @type {[Detail, T][]} */ (Object.entries(details));
}

/**
 * What stands in the fields.
 * @param {Product | null} product
 * @returns {Record<Detail, string>}
 */
function textsOf(product) {
  return {
    name: product?.name ?? "",
    description: product?.description ?? "",
    price: product ? written(product) : "",
    currency: product?.currency ?? "USD",
    imageUrl: product?.imageUrl ?? "",
  };
}

/** A price with the decimals of its currency. @param {Product} product */
function written({ price, currency }) {
  return price.toFixed(decimalsOf(price, currency));
}

/**
 * The picture of an address, as soon as it can be read.
 * @param {HTMLInputElement} address
 * @param {(fault: string) => void} fail
 */
function preview(address, fail) {
  const image = el("img", { class: "preview", alt: "", hidden: true });
  const read = () => {
    show(image, false);
    const { value } = address;
    if (value !== "" && address.validity.valid) image.src = value;
  };
  image.addEventListener("load", () => show(image, true));
  image.addEventListener("error", () => fail(text.pictureFails));
  address.addEventListener("change", read);
  read();
  return image;
}
