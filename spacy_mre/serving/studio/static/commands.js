// What a person can do, with the keys that do it. Buttons, keys and the help read the same table.

import * as editor from "./editor.js";
import { openDialog } from "./dialogs.js";
import { find } from "./dom.js";
import { stepItem } from "./queue.js";
import { decide } from "./session.js";

// The name is also that of the word in words.js; `keys` are values of KeyboardEvent.key.
export const COMMANDS = {
  save: { keys: ["Enter"], run: () => decide("save") },
  skip: { keys: ["s"], run: () => decide("skip") },
  reject: { keys: ["x"], run: () => decide("reject") },
  undo: { keys: ["u"], run: editor.undo },
  next_entity: { keys: ["j", "ArrowDown", "ArrowRight"], run: () => editor.stepEntity(1) },
  previous_entity: { keys: ["k", "ArrowUp", "ArrowLeft"], run: () => editor.stepEntity(-1) },
  next_item: { keys: ["n"], run: () => stepItem(1) },
  previous_item: { keys: ["p"], run: () => stepItem(-1) },
  add: { keys: ["a"], run: () => editor.startAdding() },
  left_out: { keys: ["["], run: () => editor.moveBorder("start", -1) },
  left_in: { keys: ["]"], run: () => editor.moveBorder("start", 1) },
  right_in: { keys: ["{"], run: () => editor.moveBorder("end", -1) },
  right_out: { keys: ["}"], run: () => editor.moveBorder("end", 1) },
  remove: { keys: ["Delete", "Backspace"], run: editor.removeChosen },
  relate: { keys: ["r"], run: () => editor.startRelating() },
  next_relation: { keys: ["R"], run: editor.stepRelation },
  category: { keys: ["c"], run: editor.startCategory },
  more_labels: { keys: ["0"], run: editor.turnPage },
  search: { keys: ["/"], run: () => find("search").focus() },
  paste: { keys: ["t"], run: () => openDialog("paste-dialog") },
  help: { keys: ["?"], run: () => openDialog("help-dialog") },
};

// Keys that are not commands of the table, for the help.
export const OTHER_KEYS = [
  ["1 – 9", "key_digits"],
  ["← → ↑ ↓ Home End", "key_cursor"],
  ["Shift", "key_extend"],
  ["Tab", "key_tab"],
  ["Esc", "key_escape"],
];

const ARROWS = { ArrowDown: "↓", ArrowUp: "↑", ArrowLeft: "←", ArrowRight: "→" };
const NAMES = { ...ARROWS, Enter: "⏎", Delete: "Del", Backspace: "⌫" };

/** RETURNS the keys of a command, as they are shown. */
export function keysOf(name) {
  return COMMANDS[name].keys.map((key) => NAMES[key] ?? key);
}
