// The whole picture: lines, brackets and arcs, and the heights of the lines.

import { placeArcs } from "./arcs.js";
import { placeBrackets } from "./brackets.js";

export const ARC_HEIGHT = 17;
export const BRACKET_HEIGHT = 18;
export const TEXT_HEIGHT = 26;
export const ARC_GAP = 8;
const LINE_GAP = 10;
// On a line with very many arcs they are closer, so that the text is not pushed off the screen.
const [MANY_ARCS, LEAST_HEIGHT] = [12, 5];

/**
 * Lay out a work on lines.
 * @returns {Array} For each line {line, isLast, brackets, arcs, arcHeight, textTop, bracketsTop, height}.
 */
export function layOut(work, lines, width, measureLabel) {
  const brackets = placeBrackets(work.entities, lines, width, measureLabel);
  const arcs = placeArcs(work, lines, width, measureLabel);
  return lines.map((line, number) => {
    const arcLevels = Math.max(0, ...arcs[number].map((arc) => arc.level + 1));
    const bracketLevels = Math.max(0, ...brackets[number].map((bracket) => bracket.level + 1));
    const isFull = arcLevels > MANY_ARCS;
    const arcHeight = isFull ? Math.max(LEAST_HEIGHT, (ARC_HEIGHT * MANY_ARCS) / arcLevels) : ARC_HEIGHT;
    const textTop = arcLevels ? arcHeight * (arcLevels - 1) + ARC_HEIGHT + ARC_GAP : 4;
    const bracketsTop = textTop + TEXT_HEIGHT;
    const height = Math.ceil(bracketsTop + BRACKET_HEIGHT * bracketLevels + LINE_GAP);
    const isLast = number === lines.length - 1;
    return { line, isLast, brackets: brackets[number], arcs: arcs[number], arcHeight, textTop, bracketsTop, height };
  });
}
