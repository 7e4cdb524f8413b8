// The text that is open: load it, decide about it, take a decision back. Nothing unsaved is lost on the way.

import { get, post, Refusal } from "./api.js";
import { dropDraft, findDraft, isOf, keepDraft } from "./drafts.js";
import { begin, isSame, toAnalysis } from "./edit.js";
import { forget, recall, remember } from "./memory.js";
import { Text } from "./offsets.js";
import { change, store, tell } from "./store.js";

const LAST = "studio.key";
const UNDO = "studio.undo";
// After these answers it is certain whether a decision was taken back.
const CERTAIN = [404, 409, 422];
let asked = 0;
let told = 0;
// How many decisions are to be taken back when the server has answered.
let waiting = 0;

/** Load the state of the studio. An older one than is known by then is left out. */
export async function loadState() {
  const number = ++told;
  const state = await get("state");
  if (number === told || store.state === null) change({ state });
}

/** Open the text that was open before, or the next open one. */
export async function openFirst() {
  const last = recall(LAST);
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
    forget(UNDO);
    takeProgress(answer);
    tell(answer.next === null ? "all_done" : `done_${answer.item.status}`, { start: shorten(item.text) });
    if (answer.next !== null) await openItem(answer.next);
    else showItem(answer.item);
  } catch (error) {
    waiting = 0;
    if (!(error instanceof Refusal && error.status === 409)) report(error);
    // If another text is shown by now, the draft of this one waits in the tab.
    else if (store.item.key === item.key) showNewer(error.body.item, work);
  } finally {
    goOn();
  }
}

/** Take back the last decision, and open its text. One that is on its way is taken back when it has arrived. */
export async function undoDecision() {
  if (store.busy) {
    waiting += 1;
    return;
  }
  // What had no answer is asked again, also after a reload: another decision may be the last one by now.
  const undo = JSON.parse(recall(UNDO) ?? "null") ?? store.state.progress.undo;
  if (undo === null) {
    waiting = 0;
    return tell("nothing_to_undo");
  }
  change({ busy: true });
  remember(UNDO, JSON.stringify(undo));
  try {
    const answer = await post(`items/${undo.key}`, { version: undo.version, decision: "undo" });
    forget(UNDO);
    takeProgress(answer);
    tell("taken_back", { start: shorten(answer.item.text) });
    showItem(answer.item);
  } catch (error) {
    waiting = 0;
    if (CERTAIN.includes(error.status)) forget(UNDO);
    if (error.status === 409) await showNotTakenBack(error.body.item);
    else report(error);
  } finally {
    goOn();
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

/** Keep the work on the text in this tab, or forget what was kept if nothing is changed. */
export function keepWork() {
  if (!isChanged()) dropDraft(store.item.key);
  // A button in the message may be the only way back.
  else if (!keepDraft(store.item, store.work)) tell("not_kept", {}, "warning", store.message?.action ?? null);
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

/** The server has answered. What was meant for a decision that failed is forgotten before. */
function goOn() {
  change({ busy: false });
  if (waiting === 0) return;
  waiting -= 1;
  undoDecision();
}

function takeProgress({ progress }) {
  told += 1;
  change({ state: { ...store.state, progress } });
}

function showItem(item) {
  const start = begin(item.gold ?? item.predicted, store.state.labels);
  // A draft that was saved without an answer is done with.
  if (isSame(findDraft(item)?.work ?? start, start)) dropDraft(item.key);
  const draft = findDraft(item);
  const isKept = draft !== null && isOf(draft, item);
  remember(LAST, String(item.key));
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

/** Another tab has decided about the text meanwhile: show it, and take back nothing. */
async function showNotTakenBack(item) {
  tell("not_taken_back", { start: shorten(item.text) }, "warning");
  showItem(item);
  await loadState().catch(report);
}

function tellNewer(own) {
  const { key, version } = store.item;
  const run = () => {
    if (store.busy || store.item.key !== key || store.item.version !== version) return;
    change({ past: [...store.past, store.work], work: own, chosen: null, message: null });
    keepWork();
  };
  tell("changed_elsewhere", {}, "warning", { word: "use_mine", run });
}

async function openAny() {
  const { items } = await get("items", { limit: 1 });
  if (items.length) await openItem(items[0].key);
  else tell("no_texts");
}
