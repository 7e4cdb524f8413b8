// Corrections that are not saved yet. They are kept in this tab, also when it is loaded again.

const name = (key) => `studio.draft.${key}`;

/** Keep the work on an item. */
export function keepDraft(item, work) {
  try {
    const { version, model, text } = item;
    sessionStorage.setItem(name(item.key), JSON.stringify({ version, model, length: text.length, work }));
  } catch {
    // The storage of the tab is full: the work is still on the screen.
  }
}

/** RETURNS the work that was kept for an item with its version, or null. A draft of another text is none. */
export function findDraft(item) {
  const kept = JSON.parse(sessionStorage.getItem(name(item.key)) ?? "null");
  return kept !== null && kept.length === item.text.length ? kept : null;
}

/** RETURNS whether a draft was made of this version of an item, as this pipeline has analysed it. */
export function isOf(draft, item) {
  return draft.version === item.version && JSON.stringify(draft.model) === JSON.stringify(item.model);
}

/** Forget the draft of an item. */
export function dropDraft(key) {
  sessionStorage.removeItem(name(key));
}

/** RETURNS how many items have a draft. */
export function countDrafts() {
  return Object.keys(sessionStorage).filter((each) => each.startsWith(name(""))).length;
}
