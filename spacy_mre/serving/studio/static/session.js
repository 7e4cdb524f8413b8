// The text that is open: load it, decide about it, take a decision back. Nothing unsaved is lost on the way.

import { get, post, Refusal } from "./api.js";
import { dropDraft, findDraft, isOf, keepDraft } from "./drafts.js";
import { begin, isSame, toAnalysis } from "./edit.js";
import { Text } from "./offsets.js";
import { change, store, tell } from "./store.js";

const LAST = "studio.key";
let asked = 0;

/** Load the state of the studio. */
export async function loadState() {
  change({ state: await get("state") });
}

/** Open the text that was open before, or the next open one. */
export async function openFirst() {
  const last = sessionStorage.getItem(LAST);
  if (last !== null && (await openItem(Number(last), { quiet: true }))) return;
  const { key } = await get("next");
  if (key !== null) await openItem(key);
  else await openAny();
}

/** Open a text. RETURNS whether that was possible. */
export async function openItem(key, { quiet = false } = {}) {
  const number = ++asked;
  try {
    const item = await get(`items/${key}`);
    if (number === asked) showItem(item);
    return true;
  } catch (error) {
    if (!quiet) report(error);
    return false;
  }
}

/** Save, skip or reject the text, and open the next one. */
export async function decide(decision) {
  const { item, work, busy } = store;
  if (!item || busy) return;
  change({ busy: true, mode: "read", cursor: null, tail: null });
  try {
    const analysis = decision === "save" ? toAnalysis(work) : null;
    const answer = await post(`items/${item.key}`, { version: item.version, model: item.model, decision, analysis });
    dropDraft(item.key);
    change({ state: { ...store.state, progress: answer.progress } });
    tell(`done_${answer.item.status}`, { start: shorten(item.text) });
    if (answer.next !== null) await openItem(answer.next);
    else {
      showItem(answer.item);
      tell("all_done");
    }
  } catch (error) {
    if (!(error instanceof Refusal && error.status === 409)) report(error);
    // If another text is shown by now, the draft of this one waits in the tab.
    else if (store.item.key === item.key) showNewer(error.body.item, work);
  } finally {
    change({ busy: false });
  }
}

/** Take back the last decision, and open its text. */
export async function undoDecision() {
  if (store.busy) return;
  change({ busy: true });
  try {
    const { item, progress } = await post("undo", { key: null });
    change({ state: { ...store.state, progress } });
    showItem(item);
    tell("taken_back", { start: shorten(item.text) });
  } catch (error) {
    if (error instanceof Refusal && error.status === 422) tell("nothing_to_undo");
    else report(error);
  } finally {
    change({ busy: false });
  }
}

/** Begin again with an analysis of the server: "predicted", "other" or "gold". RETURNS the work. */
export function workFrom(source) {
  return begin(store.item[source], store.state.labels);
}

/** RETURNS whether the text has corrections that are not saved. */
export function isChanged() {
  return store.work !== null && !isSame(store.work, store.start);
}

/** Tell what went wrong. */
export function report(error) {
  if (!(error instanceof Refusal)) throw error;
  if (error.status === 0) tell("no_answer", {}, "error");
  else if (error.status === 401) tell("no_token", {}, "error");
  else tell("refused", { reason: error.message || String(error.status) }, "error");
}

/** RETURNS the start of a text. */
export function shorten(text) {
  const points = Array.from(text.replace(/\s+/g, " "));
  return points.length > 20 ? `${points.slice(0, 20).join("")}…` : points.join("");
}

function showItem(item) {
  const start = begin(item.gold ?? item.predicted, store.state.labels);
  const draft = findDraft(item);
  const isKept = draft !== null && isOf(draft, item);
  sessionStorage.setItem(LAST, String(item.key));
  change({
    item, text: new Text(item.text), start, work: isKept ? draft.work : start, past: isKept ? [start] : [],
    chosen: null, mode: "read", cursor: null, tail: null, page: 0,
  });
  if (isKept) tell("draft_kept");
  else if (draft !== null) tellNewer(draft.work);
  else if (item.error) tell("not_analysed", { reason: item.error }, "warning");
}

/** Another tab was faster: show what it saved, and offer the corrections of this tab. */
function showNewer(item, own) {
  showItem(item);
  tellNewer(own);
}

function tellNewer(own) {
  const { key, version } = store.item;
  const run = () => {
    if (store.busy || store.item.key !== key || store.item.version !== version) return;
    change({ past: [...store.past, store.work], work: own, chosen: null, message: null });
    keepDraft(store.item, own);
  };
  tell("changed_elsewhere", {}, "warning", { word: "use_mine", run });
}

async function openAny() {
  const { items } = await get("items", { limit: 1 });
  if (items.length) await openItem(items[0].key);
  else tell("no_texts");
}
