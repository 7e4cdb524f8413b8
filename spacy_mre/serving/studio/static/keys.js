// Keys.

import { COMMANDS } from "./commands.js";
import * as editor from "./editor.js";
import { store } from "./store.js";

const byKey = new Map(Object.values(COMMANDS).flatMap(({ keys, run }) => keys.map((key) => [key, run])));
const EDITABLE = "input, textarea, select, [contenteditable]";
// On these, Enter presses what has the focus.
const PRESSED = "button, a, summary, option";

/** Let keys do what COMMANDS says. */
export function listenToKeys(picture) {
  addEventListener("keydown", (event) => {
    if (handle(event, picture)) event.preventDefault();
  });
}

function handle(event, picture) {
  // While an input method composes, its keys are not commands; some browsers tell only by the number 229.
  if (event.isComposing || event.keyCode === 229 || event.key === "Process") return false;
  if (event.target.closest(EDITABLE)) {
    if (event.key === "Escape") event.target.blur();
    return false;
  }
  if (document.querySelector("dialog[open]")) return false;
  // A key that is held down asks for nothing more while the server is asked.
  if (event.repeat && store.busy) return true;
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && store.item) return press(editor.undo);
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.target.closest(PRESSED) && (event.key === "Enter" || event.key === " ")) return false;
  if (event.key === "Tab") return isInPicture(event) && editor.stepEntity(event.shiftKey ? -1 : 1);
  const run = byKey.get(event.key);
  if (!store.item) return ["/", "t", "?"].includes(event.key) && press(run);
  if (event.key === "Escape") return press(editor.leave);
  if (/^[1-9]$/.test(event.key)) return press(() => editor.chooseDigit(Number(event.key)));
  if (store.mode === "add") return moveCursor(event, picture) || refuseOthers(event, run);
  if (store.mode === "relate") return stepTail(event) || refuseOthers(event, run);
  // Enter leaves the category, and saves only when it is pressed again.
  if (store.mode === "category" && event.key === "Enter") return press(editor.leave);
  return run !== undefined && press(run);
}

function press(run) {
  run();
  return true;
}

function isInPicture(event) {
  return store.item !== null && event.target.closest("#picture") !== null;
}

/** In the midst of adding or relating, only help and undo still are what they were. */
function refuseOthers(event, run) {
  if (["?", "0"].includes(event.key)) return press(run);
  return run !== undefined;
}

function moveCursor(event, picture) {
  const { text, cursor } = store;
  const { head } = cursor;
  const [start, end] = picture.lineEnds(head);
  const places = {
    ArrowLeft: () => text.before(head),
    ArrowRight: () => text.after(head),
    ArrowUp: () => picture.placeInNextLine(head, -1),
    ArrowDown: () => picture.placeInNextLine(head, 1),
    Home: () => start,
    End: () => end,
  };
  if (!(event.key in places)) return false;
  return press(() => editor.moveCursor(places[event.key](), event.shiftKey));
}

function stepTail(event) {
  if (["j", "ArrowDown", "ArrowRight"].includes(event.key)) return press(() => editor.stepTail(1));
  if (["k", "ArrowUp", "ArrowLeft"].includes(event.key)) return press(() => editor.stepTail(-1));
  return false;
}
