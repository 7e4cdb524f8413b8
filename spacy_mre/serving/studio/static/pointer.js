// The mouse: drag over characters to add an entity, drag a border, drag from one entity to another to relate them.

import * as editor from "./editor.js";
import { ordered } from "./offsets.js";
import { store } from "./store.js";

const LEAST_DRAG = 3;

/** Let the mouse work on the picture. */
export function listenToPointer(picture) {
  const { root } = picture;
  let drag = null;

  root.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !store.item) return;
    const side = event.target.closest("[data-side]")?.dataset.side;
    const entity = event.target.closest("[data-entity]")?.dataset.entity;
    const [x, y] = [event.clientX, event.clientY];
    if (side) drag = { kind: "border", side, moved: false };
    else if (entity !== undefined) drag = { kind: "relate", head: Number(entity), x, y };
    else drag = { kind: "select", x, y, anchor: picture.borderAt(x, y) };
    if (drag.kind !== "select") event.preventDefault();
  });

  addEventListener("pointermove", (event) => {
    if (drag?.kind === "border") editor.setBorder(drag.side, picture.borderAt(event.clientX, event.clientY));
    root.classList.toggle("relating", drag?.kind === "relate" && hasMoved(drag, event));
  });

  addEventListener("pointerup", (event) => {
    const done = drag;
    drag = null;
    root.classList.remove("relating");
    if (done === null) return;
    if (done.kind === "relate") finishRelation(done, event, picture);
    else if (done.kind === "select") finishSelection(done, event, picture);
    root.focus({ preventScroll: true });
  });

  root.addEventListener("dblclick", (event) => {
    const place = picture.charAt(event.clientX, event.clientY);
    if (place === null || store.mode === "relate") return;
    const [start, end] = store.text.wordAt(place);
    if (start < end) editor.startAdding(start, end);
  });

  root.addEventListener("copy", (event) => {
    const { cursor, text } = store;
    if (!cursor || cursor.anchor === cursor.head) return;
    // Without the breaks between lines of the screen.
    event.clipboardData.setData("text/plain", text.slice(...ordered(cursor)));
    event.preventDefault();
  });
}

function hasMoved(drag, event) {
  return Math.abs(event.clientX - drag.x) + Math.abs(event.clientY - drag.y) > LEAST_DRAG;
}

function finishSelection(drag, event, picture) {
  const head = picture.borderAt(event.clientX, event.clientY);
  if (hasMoved(drag, event) && head !== drag.anchor && store.mode !== "relate") {
    editor.startAdding(drag.anchor, head);
    return;
  }
  const relation = event.target.closest?.("[data-relation]")?.dataset.relation;
  if (relation !== undefined) return editor.choose("relation", Number(relation));
  const entity = entityUnder(event, picture);
  if (store.mode === "relate") {
    if (entity !== null) editor.setTail(entity);
  } else if (store.mode === "add" && entity === null) editor.moveCursor(head, event.shiftKey);
  else editor.choose("entity", entity);
}

function finishRelation(drag, event, picture) {
  if (store.mode === "relate") return editor.setTail(drag.head);
  const entity = entityUnder(event, picture);
  editor.choose("entity", drag.head);
  if (hasMoved(drag, event) && entity !== null && entity !== drag.head) editor.startRelating(entity);
}

/** RETURNS the entity whose bracket or text is under the mouse: of several the inner one, then the next outer one. */
function entityUnder(event, picture) {
  const target = document.elementFromPoint(event.clientX, event.clientY);
  const named = target?.closest("[data-entity]")?.dataset.entity;
  if (named !== undefined) return Number(named);
  if (!picture.root.contains(target)) return null;
  const place = picture.charAt(event.clientX, event.clientY);
  if (place === null) return null;
  const { entities } = store.work;
  const here = entities
    .map((entity, index) => ({ ...entity, index }))
    .filter(({ start, end }) => start <= place && place < end)
    .sort((a, b) => a.end - a.start - (b.end - b.start))
    .map(({ index }) => index);
  const current = store.chosen?.kind === "entity" ? here.indexOf(store.chosen.index) : -1;
  return here.length ? here[(current + 1) % here.length] : null;
}
