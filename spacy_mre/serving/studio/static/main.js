// The page: loads the state, and draws what has changed.

import { keepToken } from "./api.js";
import { drawComparison } from "./compare.js";
import { listenToDialogs } from "./dialogs.js";
import { find, make, makeButton } from "./dom.js";
import { countDrafts } from "./drafts.js";
import { drawHelp } from "./help.js";
import { listenToKeys } from "./keys.js";
import { LANGUAGES, currentLanguage, setLanguage, translate, word } from "./language.js";
import { drawLearning, followModel, listenToLearning } from "./learning.js";
import { drawCats, drawLists, markChosen } from "./lists.js";
import { ordered } from "./offsets.js";
import { assignHues } from "./palette.js";
import { Picture } from "./picture.js";
import { listenToPointer } from "./pointer.js";
import { drawFilters, drawProgress, drawQueue, listenToQueue, loadQueue } from "./queue.js";
import { loadState, openFirst, report, shorten } from "./session.js";
import { change, store, watch } from "./store.js";
import { drawLabels, drawStatus, drawToolbar } from "./toolbar.js";
import { drawFormats, listenToTransfer } from "./transfer.js";

const picture = new Picture(find("picture"), find("scroller"));

watch((changed) => {
  const has = (...names) => names.some((name) => changed.has(name));
  if (has("message")) drawMessage();
  if (!store.state) return;
  if (has("state")) {
    drawState();
    followModel();
  }
  if (!store.item) return;
  if (has("item")) {
    picture.setText(store.text);
    find("scroller").scrollTop = 0;
    loadQueue();
  }
  const isViewChanged = has("work", "chosen", "cursor", "tail", "mode");
  if (has("work", "item")) {
    drawLists();
    drawComparison();
  }
  if (has("work", "item")) drawCats();
  if (isViewChanged || has("item")) {
    picture.update(store);
    reveal();
    markChosen();
  }
  if (isViewChanged || has("item", "page")) drawLabels();
  if (has("item", "work", "busy")) drawStatus();
  if (has("chosen", "tail", "cursor")) announce();
});

function drawState() {
  const { model, labels } = store.state;
  find("model").textContent = `${model.name} ${model.version ?? ""}`;
  find("picture").lang = model.lang;
  for (const level of ["entities", "relations", "cats"]) store.hues[level] = assignHues(labels[level]);
  drawFilters();
  drawProgress();
  drawFormats();
  drawLearning();
}

function drawMessage() {
  const { message } = store;
  const parts = [];
  if (message) {
    parts.push(make("span", { text: word(message.word, message.values) }));
    const { action } = message;
    if (action) parts.push(makeButton({ text: word(action.word), on: { click: action.run } }));
    const close = () => change({ message: null });
    parts.push(makeButton({ class: "quiet", "aria-label": word("close"), text: "×", on: { click: close } }));
  }
  find("message").className = message ? message.kind : "";
  find("message").replaceChildren(...parts);
}

function reveal() {
  const { chosen, cursor, tail, work, mode } = store;
  if (cursor) picture.reveal(cursor.head);
  else if (mode === "relate" && tail !== null) picture.reveal(work.entities[tail].start);
  else if (chosen?.kind === "entity") picture.reveal(work.entities[chosen.index].start);
}

/** Tell a screen reader what is chosen. */
function announce() {
  const { chosen, tail, cursor, work, text } = store;
  const name = ({ start, end, label }) => `${shorten(text.slice(start, end))}, ${label}`;
  let said = "";
  if (cursor) said = text.slice(...ordered(cursor)) || text.slice(cursor.head, text.after(cursor.head));
  else if (tail !== null) said = name(work.entities[tail]);
  else if (chosen?.kind === "entity") said = name(work.entities[chosen.index]);
  else if (chosen) said = work.relations[chosen.index].label;
  find("announced").textContent = said;
}

function drawWords() {
  translate(document);
  drawToolbar();
  drawHelp();
  drawMessage();
  if (!store.state) return;
  drawState();
  drawQueue();
  if (!store.item) return;
  drawLists();
  drawCats();
  drawComparison();
  drawLabels();
  drawStatus();
}

function listenToLanguage() {
  const choice = find("language");
  const options = Object.entries(LANGUAGES).map(([value, text]) => make("option", { value, text, lang: value }));
  choice.replaceChildren(...options);
  choice.value = currentLanguage();
  choice.addEventListener("change", () => {
    setLanguage(choice.value);
    drawWords();
  });
}

// A draft, a text that is not added, and a decision that is on its way live as long as the tab.
addEventListener("beforeunload", (event) => {
  if (countDrafts() || store.busy || find("paste-text").value.trim() !== "") event.preventDefault();
});
// Another tab may have saved texts meanwhile.
addEventListener("focus", () => {
  if (store.state) loadState().then(() => loadQueue(), report);
});

// After the mouse has pressed a button, keys are for the text again: Enter saves, and does not press it once more.
// Before the button does its work, because it may then be drawn anew.
addEventListener(
  "click",
  ({ target, detail }) => {
    const isPressed = detail > 0 && target.closest?.("main button, header button");
    if (isPressed || target.closest?.("#labels button")) find("picture").focus({ preventScroll: true });
  },
  { capture: true },
);
// An address with a token in the same tab does not load the page again by itself.
addEventListener("hashchange", () => keepToken() && location.reload());

keepToken();
drawWords();
listenToLanguage();
listenToKeys(picture);
listenToPointer(picture);
listenToQueue();
listenToDialogs();
listenToTransfer();
listenToLearning();
try {
  await loadState();
  await openFirst();
  if (!store.item) await loadQueue();
} catch (error) {
  report(error);
}
