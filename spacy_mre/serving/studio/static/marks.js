// What is drawn in a line: tints, brackets with labels, arcs, the cursor, and handles of the chosen entity.

import { draw } from "./dom.js";
import { ARC_GAP, ARC_HEIGHT, BRACKET_HEIGHT, TEXT_HEIGHT } from "./layout.js";
import { xOf } from "./lines.js";
import { ordered } from "./offsets.js";

const ROUND = 5;
const SHOULDERS = 14;
const LABEL_DROP = 13;

/** RETURNS what is behind the text of a line. */
export function drawBehind(row, width, view) {
  const children = [
    ...row.brackets.map((bracket) => drawTint(row, bracket, view)),
    ...drawCursor(row, view.cursor),
    ...row.brackets.map((bracket) => drawBracket(row, bracket, view)),
    ...row.arcs.map((arc) => drawArc(row, arc, view)),
  ];
  return draw("svg", { class: "behind", width, height: row.height, "aria-hidden": "true" }, ...children);
}

/** RETURNS what is in front of the text of a line: the handles, at which borders are dragged. */
export function drawInFront(row, width, view) {
  const bracket = row.brackets.find(({ index }) => isChosen(view, "entity", index));
  const box = { y: row.textTop - 2, width: 8, height: TEXT_HEIGHT + 4, rx: 3 };
  const handle = (side, x) => draw("rect", { class: "handle", "data-side": side, x: x - 4, ...box });
  const handles = bracket
    ? [bracket.begins && handle("start", bracket.left), bracket.ends && handle("end", bracket.right)].filter(Boolean)
    : [];
  return draw("svg", { class: "front", width, height: row.height, "aria-hidden": "true" }, ...handles);
}

function drawTint(row, { index, left, right, level, label }, view) {
  const grow = Math.min(level, 4);
  const classes = `tint ${view.hues.entities.get(label) ?? "k0"}${isChosen(view, "entity", index) ? " chosen" : ""}`;
  const [y, height] = [row.textTop + 1 - grow, TEXT_HEIGHT - 2 + 2 * grow];
  return draw("rect", { class: classes, x: left - 1, y, width: right - left + 2, height, rx: 3 });
}

function drawBracket(row, { index, left, right, from, to, level, label, begins, ends }, view) {
  const y = row.bracketsTop + 4 + BRACKET_HEIGHT * level;
  const state = isChosen(view, "entity", index) ? " chosen" : view.tail === index ? " tail" : "";
  const path = `${begins ? `M${left + 1},${y - 3}V${y}` : `M${left},${y}`}H${right - 1}${ends ? `V${y - 3}` : ""}`;
  return draw(
    "g",
    { class: `entity ${view.hues.entities.get(label) ?? "k0"}${state}`, "data-entity": index },
    draw("rect", { class: "ground", x: from, y: y - 3, width: to - from, height: BRACKET_HEIGHT }),
    draw("path", { class: "bracket", d: path }),
    draw("text", { class: "label label-size", x: from + 1, y: y + LABEL_DROP - 1, text: label }),
  );
}

function drawArc(row, arc, view) {
  const { index, left, right, headX, tailX, level, label, centre, half, number } = arc;
  const y = row.textTop - ARC_GAP - row.arcHeight * level;
  const [foot, chosen] = [row.textTop, isChosen(view, "relation", index)];
  const corner = Math.min(ROUND, (right - left) / 2, foot - y);
  const hasLeft = headX === left || tailX === left;
  const hasRight = headX === right || tailX === right;
  const start = hasLeft ? `M${left},${foot}V${y + corner}Q${left},${y} ${left + corner},${y}` : `M${left},${y}`;
  const end = hasRight ? `H${right - corner}Q${right},${y} ${right},${y + corner}V${foot}` : `H${right}`;
  const shown = number === null ? label : `${label} ${number}`;
  // The wider one cannot be seen, but is easier to click.
  const lines = ["reach", "arc"].map((name) => draw("path", { class: name, d: start + end }));
  const parts = [draw("title", { text: label }), ...lines];
  if (tailX !== null) {
    parts.push(draw("path", { class: "arrow", d: `M${tailX},${foot + 1}l-3.5,-6h7z` }));
  }
  // Where arcs are too close for labels, only the chosen one has it.
  if (row.arcHeight === ARC_HEIGHT || chosen) {
    // On a short arc the label would hide it, so it is above.
    const labelY = right - left < 2 * half + SHOULDERS ? y - 4 : y + 4;
    parts.push(draw("rect", { class: "ground", x: centre - half, y: labelY - 11, width: 2 * half, height: 13 }));
    parts.push(draw("text", { class: "label label-size", x: centre, y: labelY, "text-anchor": "middle", text: shown }));
  }
  const classes = `relation ${view.hues.relations.get(label) ?? "k0"}${chosen ? " chosen" : ""}`;
  return draw("g", { class: classes, "data-relation": index }, ...parts);
}

function drawCursor(row, cursor) {
  if (!cursor) return [];
  const { line } = row;
  const [start, end] = ordered(cursor);
  const marks = [];
  if (start < line.end && end > line.start) {
    const [left, right] = [xOf(line, start), xOf(line, end)];
    marks.push(draw("rect", { class: "selection", x: left, y: row.textTop, width: right - left, height: TEXT_HEIGHT }));
  }
  const isLast = cursor.head === line.end && row.isLast;
  if ((cursor.head >= line.start && cursor.head < line.end) || isLast) {
    const x = xOf(line, cursor.head);
    marks.push(draw("path", { class: "caret", d: `M${x},${row.textTop - 2}v${TEXT_HEIGHT + 4}` }));
  }
  return marks;
}

function isChosen({ chosen }, kind, index) {
  return chosen?.kind === kind && chosen.index === index;
}
