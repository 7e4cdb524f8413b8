// The list of texts: search, filters, order, and the way from one text to the next.

import { get, post } from "./api.js";
import { find, make, makeButton } from "./dom.js";
import { percent, word } from "./language.js";
import { openItem, report } from "./session.js";
import { change, store, tell } from "./store.js";

const SOME = 50;
const SIGNS = { open: "○", accepted: "✓", corrected: "✎", rejected: "✕", skipped: "↷" };
const WAIT = 200;
let rows = [];
let total = 0;
let asked = 0;
let timer = null;

/** Listen to the controls of the list. */
export function listenToQueue() {
  // Japanese is searched when the input method is done, not at each key.
  find("search").addEventListener("input", (event) => event.isComposing || later());
  find("search").addEventListener("compositionend", later);
  find("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) find("queue-list").querySelector("button")?.focus();
  });
  for (const id of ["filter-label", "filter-status"]) find(id).addEventListener("change", () => loadQueue());
  find("order").addEventListener("change", (event) => setOrder(event.target.value));
  find("more").addEventListener("click", () => loadQueue(rows.length));
}

/** Load the list, or what comes after `offset` texts of it. */
export async function loadQueue(offset = 0) {
  const number = ++asked;
  const [text, label, status] = ["search", "filter-label", "filter-status"].map((id) => find(id).value);
  try {
    // As many as before, so that the list does not jump back to its start after a decision.
    const limit = offset ? SOME : Math.max(SOME, Math.min(rows.length, 500));
    const found = await get("items", { text, label, status, offset, limit });
    if (number !== asked) return;
    rows = offset ? [...rows, ...found.items] : found.items;
    total = found.total;
    drawQueue();
  } catch (error) {
    report(error);
  }
}

/** Open the next (1) or previous (-1) text of the list. */
export async function stepItem(step) {
  const place = rows.findIndex(({ key }) => key === store.item?.key);
  if (place + step >= rows.length && rows.length < total) await loadQueue(rows.length);
  const next = rows[place < 0 ? 0 : place + step];
  if (next) await openItem(next.key);
  else tell("no_more_texts");
}

/** Draw the list. */
export function drawQueue() {
  const list = find("queue-list");
  const isInside = list.contains(document.activeElement);
  list.replaceChildren(...rows.map(drawRow));
  if (isInside) list.querySelector("[aria-current] , button")?.focus();
  find("found").textContent = word("found", { count: total });
  find("more").hidden = rows.length >= total;
}

/** Draw the choices of the filters and of the order. */
export function drawFilters() {
  const { labels, orders, order } = store.state;
  const names = [...new Set([...labels.entities, ...labels.relations, ...labels.cats])];
  fillChoices(find("filter-label"), [["", word("all_labels")], ...names.map((name) => [name, name])]);
  const statuses = Object.keys(SIGNS).map((status) => [status, `${SIGNS[status]} ${word(status)}`]);
  fillChoices(find("filter-status"), [["", word("all_statuses")], ...statuses]);
  fillChoices(find("order"), orders.map((name) => [name, word(`order_${name}`)]));
  find("order").value = order;
}

/** Draw how far the person is. */
export function drawProgress() {
  const { progress } = store.state;
  const done = progress.total - progress.open;
  Object.assign(find("progress"), { max: Math.max(1, progress.total), value: done });
  find("done").textContent = word("progress", { done, total: progress.total });
  const counts = Object.keys(SIGNS).map((status) => `${SIGNS[status]} ${progress[status]}`);
  find("counts").textContent = counts.join("  ");
  find("counts").title = Object.keys(SIGNS).map((status) => `${word(status)}: ${progress[status]}`).join("\n");
  const { agreement, other } = progress;
  const shares = agreement === null ? [] : [word("agreement", { share: percent(agreement) })];
  if (other.agreement !== null) {
    const about = { name: store.state.other, count: other.texts, share: percent(other.agreement) };
    shares.push(word("agreement_other", about));
  }
  find("agreement").textContent = shares.join("  ");
}

function drawRow({ key, id, start, status, uncertainty }) {
  const isOpen = key === store.item?.key;
  const parts = [
    make("span", { text: SIGNS[status], title: word(status), role: "img", "aria-label": word(status) }),
    make("span", { class: "start", text: start }),
  ];
  if (uncertainty !== null && uncertainty !== undefined) {
    parts.push(make("span", { class: "uncertainty", text: percent(uncertainty), title: word("uncertainty") }));
  }
  const on = { click: () => openItem(key) };
  return make("li", {}, makeButton({ title: id, "aria-current": isOpen ? "true" : null, on }, ...parts));
}

function fillChoices(select, choices) {
  // An open list of choices would be closed if it were filled anew.
  const known = JSON.stringify(choices);
  if (select.dataset.choices === known) return;
  select.dataset.choices = known;
  const before = select.value;
  select.replaceChildren(...choices.map(([value, text]) => make("option", { value, text })));
  if (choices.some(([value]) => value === before)) select.value = before;
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(() => loadQueue(), WAIT);
}

async function setOrder(order) {
  try {
    const progress = await post("order", { order });
    change({ state: { ...store.state, progress, order } });
    rows = [];
    await loadQueue();
  } catch (error) {
    report(error);
    find("order").value = store.state.order;
  }
}
