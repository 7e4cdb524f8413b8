// The brackets under the text, one for each entity and line: inner entities are nearer to the text.

import { lineOf, xOf } from "./lines.js";

/**
 * Place the brackets.
 * @param {Array} entities The entities.
 * @param {Array} lines The lines.
 * @param {number} width The width of the picture, which labels stay in.
 * @param {function(string): number} measure The width of a label.
 * @returns {Array<Array>} For each line its brackets: {index, left, right, from, to, level, label, begins, ends};
 *   `left` and `right` are those of the text, `from` and `to` those of bracket and label together.
 */
export function placeBrackets(entities, lines, width, measure) {
  const byLine = lines.map(() => []);
  entities.forEach(({ start, end, label }, index) => {
    const last = lineOf(lines, Math.max(start, end - 1));
    for (let number = lineOf(lines, start); number <= last; number++) {
      const line = lines[number];
      const [left, right] = [xOf(line, start), Math.max(xOf(line, end), xOf(line, start) + 2)];
      const labelWidth = measure(label) + 4;
      const from = Math.max(0, Math.min(left, width - labelWidth));
      const begins = start >= line.start;
      const ends = end <= line.end;
      const to = Math.max(right, from + labelWidth);
      byLine[number].push({ index, left, right, from, to, level: 0, label, begins, ends, length: end - start });
    }
  });
  byLine.forEach(stack);
  return byLine;
}

function stack(brackets) {
  const placed = [];
  for (const bracket of brackets.sort((a, b) => a.length - b.length || a.left - b.left || a.index - b.index)) {
    const under = placed.filter((other) => bracket.from < other.to + 2 && other.from < bracket.to + 2);
    bracket.level = Math.max(-1, ...under.map((other) => other.level)) + 1;
    placed.push(bracket);
  }
}
