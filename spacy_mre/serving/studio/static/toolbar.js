// The buttons above the picture, and the labels to choose from.

import { COMMANDS, keysOf } from "./commands.js";
import { chooseLabel, labelKind, turnPage } from "./editor.js";
import { find, make, makeButton } from "./dom.js";
import { word } from "./language.js";
import { isChanged } from "./session.js";
import { store } from "./store.js";

const PAGE = 9;
// The buttons of each group. The other commands have their buttons elsewhere.
const GROUPS = {
  decisions: ["save", "skip", "reject", "undo"],
  steps: ["previous_item", "next_item", "previous_entity", "next_entity"],
  corrections: ["add", "relate", "next_relation", "category", "left_out", "left_in", "right_in", "right_out", "remove"],
};

/** Draw the buttons. */
export function drawToolbar() {
  for (const [group, names] of Object.entries(GROUPS)) {
    find(group).replaceChildren(...names.map(makeCommand));
    find(group).setAttribute("aria-label", word(group));
  }
}

/** Draw the labels that can be chosen now, or say what to do. */
export function drawLabels() {
  const { state, work, chosen, mode, page, hues } = store;
  const kind = labelKind();
  const labels = kind ? state.labels[kind] : [];
  const holds = (label) => {
    if (kind === "cats") return work.cats[label];
    if (mode !== "read") return false;
    return (kind === "entities" ? work.entities : work.relations)[chosen.index].label === label;
  };
  const buttons = labels.map((label, place) => {
    const digit = Math.floor(place / PAGE) === page ? String((place % PAGE) + 1) : "";
    const parts = [make("kbd", { text: digit }), make("span", { text: label })];
    const on = { click: () => chooseLabel(label) };
    const marks = { class: hues[kind].get(label) ?? "k0", "aria-pressed": String(holds(label)) };
    return makeButton({ ...marks, "data-label": label, on }, ...parts);
  });
  if (labels.length > PAGE) {
    const parts = [make("kbd", { text: "0" }), make("span", { text: word("more_labels") })];
    buttons.push(makeButton({ on: { click: turnPage } }, ...parts));
  }
  find("labels").replaceChildren(...buttons);
  find("labels-title").textContent = word(titleWord(kind));
  find("labels-bar").dataset.mode = mode;
}

/** Draw whether there are corrections that are not saved, and whether the server is asked. */
export function drawStatus() {
  const { item, busy } = store;
  find("item-status").textContent = `${word(item.status)}${isChanged() ? ` · ${word("unsaved")}` : ""}`;
  find("item-id").textContent = item.id ?? "";
  for (const button of find("decisions").children) button.disabled = busy;
}

function titleWord(kind) {
  const { mode } = store;
  if (mode === "add") return kind ? "title_label_new" : "title_cursor";
  if (mode === "relate") return kind ? "title_relation" : "title_tail";
  if (mode === "category") return "title_category";
  return kind === "entities" ? "title_entity" : kind === "relations" ? "title_chosen_relation" : "title_read";
}

function makeCommand(name) {
  const run = () => {
    if (store.item) COMMANDS[name].run();
  };
  const [key] = keysOf(name);
  const names = { title: `${word(name)} (${keysOf(name).join(", ")})`, "aria-label": word(name) };
  const keys = { "aria-keyshortcuts": COMMANDS[name].keys[0], "data-command": name };
  const face = [make("span", { text: word(`face_${name}`) }), make("kbd", { text: key, "aria-hidden": "true" })];
  return makeButton({ ...names, ...keys, on: { click: run } }, ...face);
}
