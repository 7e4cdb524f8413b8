// What a person does to the open text: choose, add, move borders, relabel, relate, delete, categorise, undo.

import * as edit from "./edit.js";
import { ordered } from "./offsets.js";
import { keepWork, undoDecision } from "./session.js";
import { change, store, tell } from "./store.js";

const PAGE = 9;
const MOST_STEPS = 500;
/** Nothing is chosen, and nothing begun. */
export const IDLE = { chosen: null, mode: "read", cursor: null, tail: null, page: 0 };

/** RETURNS what a label would now be chosen for: "entities", "relations", "cats" or null. */
export function labelKind() {
  const { mode, cursor, tail, chosen } = store;
  if (mode === "category") return "cats";
  if (mode === "add") return cursor && cursor.anchor !== cursor.head ? "entities" : null;
  if (mode === "relate") return tail === null ? null : "relations";
  return chosen && (chosen.kind === "entity" ? "entities" : "relations");
}

/** Choose a label by its place among the nine that the digits stand for. */
export function chooseDigit(digit) {
  const kind = labelKind();
  const label = kind && store.state.labels[kind][store.page * PAGE + digit - 1];
  if (label !== undefined && label !== null) chooseLabel(label);
  else if (store.mode === "add") tell("select_first");
}

/** Let the digits stand for the next nine labels. */
export function turnPage() {
  const kind = labelKind();
  if (kind) change({ page: (store.page + 1) % Math.max(1, Math.ceil(store.state.labels[kind].length / PAGE)) });
}

/** Choose a label for what is chosen or about to be added. */
export function chooseLabel(label) {
  const { work, chosen, mode, cursor, tail } = store;
  const kind = labelKind();
  if (kind === "cats") chooseCategory(label);
  else if (mode === "add" && kind) addEntity(...ordered(cursor), label);
  else if (mode === "relate" && kind) addRelation(chosen.index, tail, label);
  else if (kind && work[kind][chosen.index].label !== label) {
    const isEntity = kind === "entities";
    const next = isEntity ? edit.setEntity(work, chosen.index, { label }) : edit.setRelation(work, chosen.index, label);
    if (next) setWork(next);
    else tell("there_already");
  }
}

/** Choose an entity or a relation; null chooses nothing. */
export function choose(kind, index) {
  change({ ...IDLE, chosen: index === null ? null : { kind, index } });
}

/** Choose the next (1) or previous (-1) entity. RETURNS false at the end. */
export function stepEntity(step) {
  const order = edit.inOrder(store.work);
  const place = store.chosen?.kind === "entity" ? order.indexOf(store.chosen.index) : step > 0 ? -1 : order.length;
  const next = order[place + step];
  if (next === undefined) return false;
  choose("entity", next);
  return true;
}

/** Choose the next relation: of the chosen entity, or of all. */
export function stepRelation() {
  const { work, chosen } = store;
  const of = chosen?.kind === "entity" ? chosen.index : null;
  const all = work.relations.map((_, index) => index);
  const isNear = ({ head, tail }) => of === null || head === of || tail === of;
  const near = all.filter((index) => isNear(work.relations[index]));
  if (near.length === 0) return tell("no_relation");
  const place = chosen?.kind === "relation" ? near.indexOf(chosen.index) : -1;
  choose("relation", near[(place + 1) % near.length]);
}

/** Begin to add an entity with the cursor. */
export function startAdding(anchor = null, head = anchor) {
  const { chosen, work } = store;
  const place = anchor ?? (chosen?.kind === "entity" ? work.entities[chosen.index].end : 0);
  change({ mode: "add", cursor: { anchor: place, head: head ?? place }, chosen: null, tail: null, page: 0 });
}

/** Move the cursor to a place, and with it the other end of the selection unless that is extended. */
export function moveCursor(head, isExtended) {
  change({ cursor: { anchor: isExtended ? store.cursor.anchor : head, head } });
}

/** Move a border ("start" or "end") of the chosen entity by a character. */
export function moveBorder(side, step) {
  const { chosen, work, text } = store;
  if (chosen?.kind !== "entity") return tell("choose_first");
  const from = work.entities[chosen.index][side];
  setBorder(side, step > 0 ? text.after(from) : text.before(from));
}

/** Set a border of the chosen entity. One that would make it empty is ignored. */
export function setBorder(side, place) {
  const { chosen, work } = store;
  const entity = work.entities[chosen.index];
  if (entity[side] === place) return;
  const after = { ...entity, [side]: place };
  if (after.start >= after.end) return;
  const next = edit.setEntity(work, chosen.index, { [side]: place });
  if (next) setWork(next);
  else tell("there_already");
}

/** Delete the chosen entity or relation. */
export function removeChosen() {
  const { chosen, work } = store;
  if (!chosen) return tell("choose_first");
  const order = edit.inOrder(work);
  const place = order.indexOf(chosen.index);
  const isEntity = chosen.kind === "entity";
  const after = isEntity ? edit.removeEntity(work, chosen.index) : edit.removeRelation(work, chosen.index);
  // The next entity is chosen, so that a person with keys keeps the place.
  const next = isEntity ? edit.inOrder(after)[Math.min(place, order.length - 2)] : undefined;
  setWork(after, { ...IDLE, chosen: next === undefined ? null : { kind: "entity", index: next } });
}

/** Begin a relation from the chosen entity. */
export function startRelating(tail = null) {
  const { chosen, state } = store;
  if (state.labels.relations.length === 0) return tell("no_relation_labels");
  if (chosen?.kind !== "entity") return tell("choose_first");
  change({ mode: "relate", tail, page: 0 });
  if (tail === null) stepTail(1);
}

/** Let the next (1) or previous (-1) entity be the tail. */
export function stepTail(step) {
  const order = edit.inOrder(store.work).filter((index) => index !== store.chosen.index);
  if (order.length === 0) {
    change({ mode: "read", tail: null });
    return tell("no_tail");
  }
  if (store.tail !== null) {
    const place = order.indexOf(store.tail) + step;
    return change({ tail: order[(place + order.length) % order.length] });
  }
  const all = edit.inOrder(store.work);
  change({ tail: all[all.indexOf(store.chosen.index) + step] ?? order.at(-1) });
}

/** Let an entity be the tail. */
export function setTail(index) {
  if (index !== store.chosen.index) change({ tail: index });
}

/** Begin to choose the category. */
export function startCategory() {
  if (store.state.labels.cats.length === 0) return tell("no_cats");
  change({ mode: "category", cursor: null, tail: null, page: 0 });
}

/** Choose a category, or take it away. */
export function chooseCategory(label) {
  const { exclusive_cats: exclusive } = store.state.labels;
  // When there can be no other, choosing is over, and Enter saves.
  setWork(edit.toggleCat(store.work, label, exclusive), exclusive ? { mode: "read" } : {});
}

/** Leave adding, relating or categorising; otherwise choose nothing. */
export function leave() {
  if (store.mode === "read") choose("entity", null);
  else change({ mode: "read", cursor: null, tail: null, page: 0 });
  if (store.message?.kind === "info") change({ message: null });
}

/** Take back the last correction; if there is none, the last decision. */
export function undo() {
  if (store.busy || store.past.length === 0) return undoDecision();
  const work = store.past.at(-1);
  change({ work, past: store.past.slice(0, -1), ...IDLE });
  tell("correction_undone");
  keepWork();
}

/** Let the work be another one. What is chosen must fit it: `changes` are made at the same time. */
export function setWork(work, changes = {}) {
  if (store.busy) return; // what is being saved cannot change
  // A message with a button stays, because the button may be the only way back.
  const message = store.message?.action ? store.message : null;
  change({ work, past: [...store.past.slice(-MOST_STEPS), store.work], message, ...changes });
  keepWork();
}

function addEntity(start, end, label) {
  const next = edit.addEntity(store.work, { start, end, label });
  if (next) setWork(next);
  else tell("there_already");
  choose("entity", edit.indexOfEntity(store.work, { start, end, label }));
}

function addRelation(head, tail, label) {
  const next = edit.addRelation(store.work, { head, tail, label });
  if (next) setWork(next);
  else tell("there_already");
  choose("entity", head);
}
