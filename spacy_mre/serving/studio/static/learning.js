// The pipeline learns from what was saved.

import { get, post, remove } from "./api.js";
import { find, make } from "./dom.js";
import { percent, word } from "./language.js";
import { loadQueue } from "./queue.js";
import { openItem, report } from "./session.js";
import { change, store, tell } from "./store.js";

const EVERY = 1000;
const LEVELS = ["entities", "relations", "cats"];
const isScore = (value) => typeof value === "number";
let timer = null;

/** Listen to the buttons. */
export function listenToLearning() {
  find("learn").addEventListener("click", () => ask(() => post("learn")));
  find("cancel-learning").addEventListener("click", () => ask(() => remove("learn")));
  find("use").addEventListener("click", useLearned);
}

/** Draw how learning goes, and ask again while it does. */
export function drawLearning() {
  const { state, step, steps, message, result } = store.state.learning;
  const isRunning = state === "running";
  find("learn").disabled = isRunning;
  find("cancel-learning").hidden = !isRunning;
  find("learning-bar").hidden = !isRunning;
  // Without a value, the bar shows that something goes on, but not how far.
  if (steps > 0) Object.assign(find("learning-bar"), { max: steps, value: step });
  else find("learning-bar").removeAttribute("value");
  find("learning-state").textContent = [word(`learning_${state}`), message].filter(Boolean).join(" ");
  find("use").hidden = state !== "done";
  find("learning-result").replaceChildren(...(result ? [drawResult(result)] : []));
  clearTimeout(timer);
  if (isRunning) timer = setTimeout(() => ask(() => get("learn")), EVERY);
}

function drawResult({ train, held_out: heldOut, before, after }) {
  const rows = LEVELS.filter((level) => isScore(before[level]) || isScore(after[level])).map((level) => {
    const cells = [before[level], after[level]].map((score) => make("td", { text: shown(score) }));
    return make("tr", {}, make("th", { scope: "row", text: word(level) }), ...cells);
  });
  const head = ["", word("before"), word("after")].map((text) => make("th", { scope: "col", text }));
  const caption = make("caption", { text: word("learned_from", { train, held_out: heldOut }) });
  return make("table", {}, caption, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
}

function shown(score) {
  return isScore(score) ? percent(score) : "–";
}

async function ask(request) {
  try {
    change({ state: { ...store.state, learning: await request() } });
  } catch (error) {
    report(error);
    // The server may come back: the bar goes on then.
    if (store.state.learning.state === "running") timer = setTimeout(() => ask(() => get("learn")), 5 * EVERY);
  }
}

async function useLearned() {
  try {
    change({ state: await post("use") });
    await loadQueue();
    if (store.item) await openItem(store.item.key);
    tell("in_use");
  } catch (error) {
    report(error);
  }
}
