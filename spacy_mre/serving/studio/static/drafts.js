// Corrections that are not saved yet. They are kept in this tab, also when it is loaded again.

import { forget, names, recall, remember } from "./memory.js";

const name = (key) => `studio.draft.${key}`;

/** Keep the work on an item. RETURNS whether it outlives a reload. */
export function keepDraft(item, work) {
  const { version, model, text } = item;
  return remember(name(item.key), JSON.stringify({ version, model, length: text.length, work }));
}

/** RETURNS the work that was kept for an item with its version, or null. A draft of another text is none. */
export function findDraft(item) {
  const kept = JSON.parse(recall(name(item.key)) ?? "null");
  return kept !== null && kept.length === item.text.length ? kept : null;
}

/** RETURNS whether a draft was made of this version of an item, as this pipeline has analysed it. */
export function isOf(draft, item) {
  return draft.version === item.version && JSON.stringify(draft.model) === JSON.stringify(item.model);
}

/** Forget the draft of an item. */
export function dropDraft(key) {
  forget(name(key));
}

/** RETURNS how many items have a draft. */
export function countDrafts() {
  return names().filter((each) => each.startsWith(name(""))).length;
}
