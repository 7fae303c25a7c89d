/**
 * The list of products, and the form that creates one.
 */

import { announce, el } from "../shared/dom.js";
import { money, number } from "../shared/format.js";
import { picture } from "../shared/picture.js";
import { go } from "./address.js";
import { openDialog } from "./dialog.js";
import { form } from "./form.js";
import { addOnce } from "./once.js";
import { detailFields, unitsField } from "./product_fields.js";
import * as service from "./service.js";
import { Table } from "./table.js";
import { when } from "./times.js";
import { words } from "./words.js";

const text = words.products;

/** @returns {import("./main.js").Page} */
export function productsPage() {
  const table = new Table({
    caption: text.caption,
    isShared: true,
    filters: [
      { name: "search", label: text.search },
      { name: "archived", label: text.state, options: [["", text.listed], ["true", text.archived]] },
    ],
    columns: [
      {
        name: text.name,
        isHead: true,
        cell: (product) =>
          el("span", { class: "named" }, picture(product, "thumb"), el("a", { href: `/admin/products/${product.productId}` }, product.name)),
      },
      { name: text.price, isNumber: true, cell: ({ price, currency }) => money(price, currency) },
      { name: text.stock, isNumber: true, cell: ({ quantity }) => number(quantity) },
      { name: text.created, cell: ({ createdAt }) => when(createdAt) },
    ],
    load: (query, signal) => service.products(query, signal),
    empty: () => [el("p", {}, text.empty), newButton()],
  });
  const head = el("div", { class: "section-head" }, el("h1", {}, words.pages.products), newButton());
  return { title: words.pages.products, section: "products", nodes: [head, table.node], close: () => table.close() };
}

function newButton() {
  return el("button", { class: "button primary", type: "button", onclick: createProduct }, words.action.newProduct);
}

function createProduct() {
  openDialog(words.action.newProduct, (close) => {
    const details = detailFields(null);
    const quantity = unitsField(text.quantity, 1);
    const send = async (/** @type {(pauseMs: number) => void} */ onPause) => {
      const body = { ...details.values(), quantity: Number(quantity.control.value) };
      const product = await addOnce("product", body, (key) => service.createProduct(body, key), onPause);
      close();
      announce(text.createdDone);
      go(`/admin/products/${product.productId}`);
    };
    const fields = { ...details.fields, quantity };
    return form({ fields, submit: text.create, cancel: close, check: details.check, send }, ...details.nodes, quantity.node);
  });
}
