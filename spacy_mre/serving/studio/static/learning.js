// The pipeline learns from what was saved.

import { get, post, remove } from "./api.js";
import { find, make } from "./dom.js";
import { percent, word } from "./language.js";
import { loadQueue } from "./queue.js";
import { loadState, openItem, report } from "./session.js";
import { change, store, tell } from "./store.js";

const EVERY = 1000;
const LEVELS = ["entities", "relations", "cats"];
const isBusy = (state) => state === "running" || state === "loading";
const isScore = (value) => typeof value === "number";
let timer = null;
let model = null;

/** Listen to the buttons. */
export function listenToLearning() {
  find("learn").addEventListener("click", () => ask(() => post("learn", { run: store.state.learning.run })));
  find("cancel-learning").addEventListener("click", () => ask(() => remove("learn")));
  find("use").addEventListener("click", useLearned);
}

/** Draw how learning goes, and ask again while it does. */
export function drawLearning() {
  const { state, step, steps, message, result } = store.state.learning;
  const isRunning = state === "running";
  find("learn").disabled = isBusy(state);
  find("cancel-learning").hidden = !isRunning;
  find("learning-bar").hidden = !isRunning;
  // Without a value, the bar shows that something goes on, but not how far.
  if (steps > 0) Object.assign(find("learning-bar"), { max: steps, value: step });
  else find("learning-bar").removeAttribute("value");
  find("learning-state").textContent = [word(`learning_${state}`), message].filter(Boolean).join(" ");
  find("use").hidden = state !== "done";
  find("learning-result").replaceChildren(...(result ? [drawResult(result)] : []));
  clearTimeout(timer);
  if (isBusy(state)) timer = setTimeout(() => ask(() => get("learn")), EVERY);
}

/** Load what is shown anew when another pipeline is in use, whichever tab has chosen it. */
export function followModel() {
  const [before, now] = [model, JSON.stringify(store.state.model)];
  model = now;
  if (before === null || before === now) return;
  const { name, version } = store.state.model;
  tell("in_use", { name: `${name} ${version}` });
  loadQueue();
  if (store.item) openItem(store.item.key);
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
    const learning = await request();
    // When it is loaded, the state names the pipeline.
    if (store.state.learning.state === "loading" && learning.state === "idle") await loadState();
    else change({ state: { ...store.state, learning } });
  } catch (error) {
    report(error);
    // Another tab may learn, or use what was learned.
    if (error.status === 409) await loadState().catch(report);
    // The server may come back: the bar goes on then.
    else if (isBusy(store.state.learning.state)) timer = setTimeout(() => ask(() => get("learn")), 5 * EVERY);
  }
}

async function useLearned() {
  const { learning } = store.state;
  change({ state: { ...store.state, learning: { ...learning, state: "loading" } } });
  try {
    change({ state: await post("use", { run: learning.run }) });
  } catch (error) {
    report(error);
    // Without an answer, it is loaded or not.
    await loadState().catch(() => change({ state: { ...store.state, learning } }));
  }
}
