// The help: all keys.

import { COMMANDS, OTHER_KEYS, keysOf } from "./commands.js";
import { find, make } from "./dom.js";
import { word } from "./language.js";

/** Draw the help. */
export function drawHelp() {
  const commands = Object.keys(COMMANDS).map((name) => drawRow(keysOf(name), word(name)));
  const others = OTHER_KEYS.map(([keys, name]) => drawRow([keys], word(name)));
  find("help-keys").replaceChildren(...commands, ...others);
}

function drawRow(keys, text) {
  return make("tr", {}, make("td", {}, ...keys.map((key) => make("kbd", { text: key }))), make("td", { text }));
}
