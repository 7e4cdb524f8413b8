// What the page shows. Everything that is drawn comes from here.

export const store = {
  // What GET /studio/state told.
  state: null,
  // The colours of the labels of each level.
  hues: { entities: new Map(), relations: new Map(), cats: new Map() },
  // The text that is open, the work on it, the work as it was opened, and the works before each correction.
  item: null,
  text: null,
  work: null,
  start: null,
  past: [],
  // {kind: "entity" | "relation", index} or null.
  chosen: null,
  // "read", "add" (the cursor moves), "relate" (a tail is looked for) or "category".
  mode: "read",
  // {anchor, head}, in code points.
  cursor: null,
  // The place of the entity that is to be the tail.
  tail: null,
  // Which nine labels the digits choose from.
  page: 0,
  // {word, values, kind, action} of a line that tells what has happened.
  message: null,
  busy: false,
};

const listeners = [];

/** Call a function after each change, with the names of what has changed. */
export function watch(listener) {
  listeners.push(listener);
}

/** Change some of the store. */
export function change(changes) {
  Object.assign(store, changes);
  const names = new Set(Object.keys(changes));
  for (const listener of listeners) listener(names);
}

/** Tell the person something. `kind` is "info", "warning" or "error"; an action is {word, run}. */
export function tell(word, values = {}, kind = "info", action = null) {
  change({ message: { word, values, kind, action } });
}
