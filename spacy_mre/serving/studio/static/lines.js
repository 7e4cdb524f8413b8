// A text in lines, with the x of each character.

// After and before these no line is broken, as in Japanese and Chinese typesetting.
const OPENING = new Set("（(「『【［[〔｛{〈《“‘");
const CLOSING = new Set("、。，．,.！？!?：；:;）)」』】］]〕｝}〉》”’ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々…");
// From here on, scripts without spaces: a line may be broken between any two characters.
const WIDE = 0x2e80;
// Control characters, and those that change the direction of writing, would move what is drawn away from its place.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;
const DIRECTION = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * Break a text into lines.
 * @param {Text} text The text.
 * @param {number} width The width of a line.
 * @param {function(string): number} measure The width of a character.
 * @returns {Array<{start, end, shown, xs}>} For each line its borders, what is shown of it, and the x of each border
 *   between code points, of which there is one more than code points.
 */
export function breakLines(text, width, measure) {
  const lines = [];
  let start = 0;
  let xs = [0];
  // Where the line can be broken, and how wide it is then.
  let chance = 0;
  const finish = (end) => {
    lines.push({ start, end, shown: showable(text.slice(start, end)), xs: xs.slice(0, end - start + 1) });
    const left = xs[end - start];
    xs = xs.slice(end - start).map((x) => x - left);
    start = chance = end;
  };
  for (let index = 1; index < text.borders.length; index++) {
    const [from, to] = [text.borders[index - 1], text.borders[index]];
    const char = text.slice(from, to);
    const isBreak = char.endsWith("\n");
    const advance = isBreak ? 0 : measure(showable(char));
    if (from > start && mayBreak(text.points[from - 1], text.points[from])) chance = from;
    // A space at the end may hang over.
    if (xs.at(-1) + advance > width && char.trim() !== "" && from > start) finish(chance > start ? chance : from);
    const before = xs.at(-1);
    for (let step = 1; step <= to - from; step++) xs.push(before + (advance * step) / (to - from));
    if (isBreak) finish(to);
  }
  if (start < text.length || lines.length === 0 || text.points.at(-1) === "\n") finish(text.length);
  return lines;
}

/** RETURNS what is shown of a text: the same number of code points, none of which moves the others. */
export function showable(text) {
  return text.replace(/\r?\n$/, "").replace(CONTROL, " ").replace(DIRECTION, "·");
}

/** RETURNS the number of the line that a place is in. */
export function lineOf(lines, place) {
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (lines[middle].start <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** RETURNS the x of a place in a line. Places before and after the line are at its ends. */
export function xOf(line, place) {
  return line.xs[Math.max(0, Math.min(place - line.start, line.xs.length - 1))];
}

function mayBreak(before, after) {
  if (before.trim() === "") return after.trim() !== "";
  if (after.trim() === "" || OPENING.has(before) || CLOSING.has(after)) return false;
  return before.codePointAt(0) >= WIDE || after.codePointAt(0) >= WIDE;
}
