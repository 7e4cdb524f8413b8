// Offsets. The server counts code points, JavaScript UTF-16 code units, and people characters as they see them.

const segmenter = Intl.Segmenter ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;

/** A text whose places are counted in code points. */
export class Text {
  constructor(text) {
    this.whole = text;
    this.points = Array.from(text);
    this.length = this.points.length;
    // Borders of characters as people see them: an emoji of several code points is never cut.
    this.borders = this.#findBorders();
  }

  /** RETURNS the part between two places. */
  slice(start, end) {
    return this.points.slice(start, end).join("");
  }

  /** RETURNS the next border of a character after a place. */
  after(place) {
    return this.borders[Math.min(upperBound(this.borders, place), this.borders.length - 1)];
  }

  /** RETURNS the border of a character before a place. */
  before(place) {
    return this.borders[Math.max(lowerBound(this.borders, place) - 1, 0)];
  }

  /** RETURNS the borders of the word around a place, as [start, end]. */
  wordAt(place) {
    if (!Intl.Segmenter) return [place, this.after(place)];
    const words = new Intl.Segmenter(undefined, { granularity: "word" });
    // A window around the place: words are short, texts are not.
    const from = Math.max(0, place - 100);
    const near = this.slice(from, place + 100);
    const word = words.segment(near).containing(toUnits(near, place - from));
    if (!word) return [place, place];
    const start = from + toPoints(near, word.index);
    return [start, start + Array.from(word.segment).length];
  }

  #findBorders() {
    if (!segmenter) return Array.from({ length: this.length + 1 }, (_, place) => place);
    const borders = [0];
    for (const { segment } of segmenter.segment(this.whole)) borders.push(borders.at(-1) + Array.from(segment).length);
    return borders;
  }
}

/** RETURNS the offset in UTF-16 code units of an offset in code points. */
export function toUnits(text, points) {
  let units = 0;
  for (const point of text) {
    if (points-- <= 0) break;
    units += point.length;
  }
  return units;
}

/** RETURNS the offset in code points of an offset in UTF-16 code units. */
export function toPoints(text, units) {
  return Array.from(text.slice(0, units)).length;
}

/** RETURNS the selection of a cursor as [start, end]. */
export function ordered({ anchor, head }) {
  return [Math.min(anchor, head), Math.max(anchor, head)];
}

/** RETURNS how many of sorted numbers are less than a number. */
export function lowerBound(numbers, number) {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** RETURNS how many of sorted numbers are at most a number. */
export function upperBound(numbers, number) {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= number) low = middle + 1;
    else high = middle;
  }
  return low;
}
