// The arcs above the text, one for each relation: short ones are lower. An arc between two lines has a part on each.

import { lineOf, xOf } from "./lines.js";

/**
 * Place the arcs.
 * @param {Object} work The work.
 * @param {Array} lines The lines.
 * @param {number} width The width of the picture.
 * @param {function(string): number} measure The width of a label.
 * @returns {Array<Array>} For each line its parts of arcs: {index, left, right, headX, tailX, level, label, centre,
 *   half, number}; `headX` or `tailX` is null if that end is on another line, `number` then tells the parts apart.
 */
export function placeArcs({ entities, relations }, lines, width, measure) {
  const byLine = lines.map(() => []);
  const feet = placeFeet(entities, relations, lines);
  let number = 0;
  relations.forEach(({ label }, index) => {
    const [head, tail] = feet[index];
    const isSplit = head.line !== tail.line;
    if (isSplit) number++;
    const half = measure(isSplit ? `${label} ${number}` : label) / 2 + 3;
    const add = (line, left, right, headX, tailX, shown) => {
      const centre = Math.max(half, Math.min((left + right) / 2, width - half));
      byLine[line].push({ index, left, right, headX, tailX, level: 0, label, centre, half, number: shown });
    };
    if (!isSplit) {
      add(head.line, Math.min(head.x, tail.x), Math.max(head.x, tail.x), head.x, tail.x, null);
      return;
    }
    for (const [foot, other] of [[head, tail], [tail, head]]) {
      const reach = 2 * half + 24;
      const left = foot.line < other.line ? foot.x : Math.max(2, foot.x - reach);
      const right = foot.line < other.line ? Math.min(width - 2, foot.x + reach) : foot.x;
      add(foot.line, left, right, foot === head ? foot.x : null, foot === tail ? foot.x : null, number);
    }
  });
  byLine.forEach(stack);
  return byLine;
}

/** RETURNS for each relation the two feet, {line, x}. Those on the same entity are side by side. */
function placeFeet(entities, relations, lines) {
  const middle = ({ start, end }) => (start + end) / 2;
  const ends = new Map();
  relations.forEach(({ head, tail }, index) => {
    for (const [side, own, other] of [[0, head, tail], [1, tail, head]]) {
      if (!ends.has(own)) ends.set(own, []);
      ends.get(own).push({ index, side, towards: middle(entities[other]) });
    }
  });
  const feet = relations.map(() => [null, null]);
  for (const [own, all] of ends) {
    const number = lineOf(lines, entities[own].start);
    const left = xOf(lines[number], entities[own].start);
    const right = xOf(lines[number], entities[own].end);
    all.sort((a, b) => a.towards - b.towards || a.index - b.index);
    all.forEach(({ index, side }, place) => {
      feet[index][side] = { line: number, x: left + ((right - left) * (place + 1)) / (all.length + 1) };
    });
  }
  return feet;
}

function stack(parts) {
  const placed = [];
  for (const part of parts.sort((a, b) => a.right - a.left - (b.right - b.left) || a.index - b.index)) {
    const [from, to] = extent(part);
    const taken = new Set(placed.filter((other) => from < other.to && other.from < to).map((other) => other.level));
    while (taken.has(part.level)) part.level++;
    placed.push({ from, to, level: part.level });
  }
}

function extent({ left, right, centre, half }) {
  return [Math.min(left, centre - half) - 2, Math.max(right, centre + half) + 2];
}
