/**
 * The fields of a product's details, with a look at its picture.
 */

import { el, show } from "../shared/dom.js";
import { decimalsOf } from "../shared/format.js";
import { field, input } from "./form.js";
import { words } from "./words.js";

/** @typedef {import("./shapes.js").Product} Product */

const UNITS_MAX = 2_147_483_647;
/** The largest price that the ledger keeps. */
const PRICE_MAX = 9_999_999_999;
const text = words.products;

/** @param {string} label @param {number} min @param {string} [hint] */
export function unitsField(label, min, hint) {
  return field(label, input({ type: "number", min, max: UNITS_MAX, step: 1, required: true, inputmode: "numeric" }), hint);
}

/**
 * @param {Product | null} product null: of one that is to be created
 */
export function detailFields(product) {
  let before = product;
  const texts = textsOf(before);
  const name = field(text.name, input({ required: true, maxlength: 200, value: texts.name }));
  const description = field(text.description, el("textarea", { rows: 4, maxlength: 10_000 }, texts.description));
  const price = field(
    text.price,
    input({ type: "number", min: 0, max: PRICE_MAX, step: "any", required: true, inputmode: "decimal", value: texts.price }),
    product ? text.priceHint : "",
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
  /** @returns {Record<Detail, string | number | null>} */
  const values = () => ({
    name: name.control.value.trim(),
    description: description.control.value.trim() || null,
    price: Number(price.control.value),
    currency: currency.control.value.toUpperCase(),
    imageUrl: image.control.value.trim() || null,
  });
  /** Only what is different is sent: what somebody else changes meanwhile stays. */
  const changes = () => Object.fromEntries(entriesOf(values()).filter(([name, value]) => before?.[name] !== value));
  /**
   * The product is another one now: fields that said what it was follow it, and what somebody has typed stays.
   * @param {Product} next
   */
  const follow = (next) => {
    const texts = textsOf(next);
    for (const [name, value] of entriesOf(values())) {
      const { control } = fields[name];
      if (value !== before?.[name] || control.value === texts[name]) continue;
      control.value = texts[name];
      control.dispatchEvent(new Event("change"));
    }
    before = next;
  };
  return { fields, nodes, values, changes, follow };
}

/** @typedef {"name" | "description" | "price" | "currency" | "imageUrl"} Detail */

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
