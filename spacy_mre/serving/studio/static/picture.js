// The picture of a text. All of the text is in the page, so that it can be found and printed; brackets and arcs are
// drawn only near what is visible.

import { make } from "./dom.js";
import { TEXT_HEIGHT, layOut } from "./layout.js";
import { breakLines, lineOf } from "./lines.js";
import { drawBehind, drawInFront } from "./marks.js";
import { lowerBound, ordered, upperBound } from "./offsets.js";
import { makeMeasure } from "./widths.js";

const NEAR = "800px";
const LEAST_WIDTH = 200;

export class Picture {
  /**
   * @param {HTMLElement} root Where to draw.
   * @param {HTMLElement} scroller What scrolls.
   */
  constructor(root, scroller) {
    this.root = root;
    this.lines = [];
    this.rows = [];
    this.elements = [];
    this.near = new Set();
    this.watcher = new IntersectionObserver((entries) => this.#watch(entries), { root: scroller, rootMargin: NEAR });
    new ResizeObserver(() => this.#resize()).observe(root);
    addEventListener("beforeprint", () => this.#drawAll());
  }

  /** Show another text. */
  setText(text) {
    this.text = text;
    this.view = null;
    this.#breakLines();
  }

  /**
   * Show a work on the text.
   * @param {Object} view {work, chosen, cursor, tail, hues}.
   */
  update(view) {
    this.view = view;
    this.rows = layOut(view.work, this.lines, this.width, this.measureLabel);
    this.rows.forEach(({ height, textTop }, number) => {
      const [element, text] = [this.elements[number], this.elements[number].lastChild];
      element.style.height = `${height}px`;
      text.style.top = `${textTop}px`;
    });
    for (const number of this.near) this.#draw(number);
  }

  /** Scroll until a place of the text can be seen. */
  reveal(place) {
    this.elements[lineOf(this.lines, place)]?.scrollIntoView({ block: "nearest" });
  }

  /** RETURNS the border between characters that is nearest to a point of the screen. */
  borderAt(clientX, clientY) {
    const { line, x } = this.#lineAt(clientX, clientY);
    const right = Math.min(lowerBound(line.xs, x), line.xs.length - 1);
    const left = Math.max(0, right - 1);
    const nearest = x - line.xs[left] < line.xs[right] - x ? left : right;
    const place = line.start + nearest;
    // Never inside of a character of several code points.
    return this.text.borders.includes(place) ? place : this.text.after(place);
  }

  /** RETURNS the place of the character under a point of the screen, or null where there is none. */
  charAt(clientX, clientY) {
    const { line, x, y, number } = this.#lineAt(clientX, clientY);
    const row = this.rows[number];
    if (y < row.textTop || y > row.textTop + TEXT_HEIGHT || x < 0 || x >= line.xs.at(-1)) return null;
    return line.start + upperBound(line.xs, x) - 1;
  }

  /** RETURNS the place that is one line above (-1) or below (1) a place, at about the same x. */
  placeInNextLine(place, step) {
    const number = lineOf(this.lines, place);
    const next = number + step;
    if (next < 0) return 0;
    if (next >= this.lines.length) return this.text.length;
    const [line, other] = [this.lines[number], this.lines[next]];
    const x = line.xs[Math.min(place - line.start, line.xs.length - 1)];
    const found = other.start + Math.min(lowerBound(other.xs, x), other.shown ? other.xs.length - 2 : 0);
    return this.text.borders.includes(found) ? found : this.text.after(found);
  }

  /** RETURNS the first and the last place of the line of a place. */
  lineEnds(place) {
    const { start, end } = this.lines[lineOf(this.lines, place)];
    return [start, end === this.text.length ? end : this.text.before(end)];
  }

  #lineAt(clientX, clientY) {
    const tops = this.elements.map((element) => element.offsetTop);
    const box = this.root.getBoundingClientRect();
    const top = clientY - box.top + this.root.offsetTop;
    const number = Math.max(0, upperBound(tops, top) - 1);
    const edge = this.elements[number].getBoundingClientRect();
    return { number, line: this.lines[number], x: clientX - edge.left, y: clientY - edge.top };
  }

  #breakLines() {
    this.width = this.#findWidth();
    const sample = make("div", { class: "text" });
    const label = make("div", { class: "label-size" });
    this.root.replaceChildren(sample, label);
    this.measure = makeMeasure(sample);
    this.measureLabel = sumOf(makeMeasure(label));
    this.lines = breakLines(this.text, this.width, this.measure);
    this.watcher.disconnect();
    this.near.clear();
    this.elements = this.lines.map(({ shown }, number) =>
      make("div", { class: "line", "data-line": number }, make("div", { class: "text", text: shown })),
    );
    this.root.replaceChildren(...this.elements);
    for (const element of this.elements) this.watcher.observe(element);
  }

  #findWidth() {
    const { paddingLeft, paddingRight } = getComputedStyle(this.root);
    return Math.max(LEAST_WIDTH, this.root.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight));
  }

  #resize() {
    if (!this.text || this.#findWidth() === this.width) return;
    const view = this.view;
    this.#breakLines();
    if (view) this.update(view);
  }

  #watch(entries) {
    for (const { target, isIntersecting } of entries) {
      const number = Number(target.dataset.line);
      if (this.elements[number] !== target) continue;
      if (isIntersecting) {
        this.near.add(number);
        this.#draw(number);
      } else {
        this.near.delete(number);
        this.#clear(number);
      }
    }
  }

  #draw(number) {
    if (!this.view || !this.rows[number]) return;
    const element = this.elements[number];
    const drawn = JSON.stringify([this.rows[number], seenIn(this.lines[number], this.view)]);
    if (element.drawn === drawn) return;
    this.#clear(number);
    element.prepend(drawBehind(this.rows[number], this.width, this.view));
    element.lastChild.before(drawInFront(this.rows[number], this.width, this.view));
    element.drawn = drawn;
  }

  #clear(number) {
    const element = this.elements[number];
    element.replaceChildren(element.lastChild);
    element.drawn = null;
  }

  #drawAll() {
    this.elements.forEach((_, number) => this.#draw(number));
  }
}

/** RETURNS what of the view is drawn in a line besides brackets and arcs. */
function seenIn(line, { chosen, cursor, tail }) {
  if (!cursor) return [chosen, tail];
  const [start, end] = ordered(cursor);
  return [chosen, tail, start <= line.end && end >= line.start ? cursor : null];
}

/** RETURNS a function that measures labels. */
function sumOf(measure) {
  return (label) => Array.from(label).reduce((sum, char) => sum + measure(char), 0);
}
