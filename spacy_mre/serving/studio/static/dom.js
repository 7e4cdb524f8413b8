// Elements without markup: all text goes in as text, so that no text can become an element.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an HTML element.
 * @param {string} tag Its name.
 * @param {Object} properties Attributes; `text` is its text, `on` an object of listeners. Null and false are left out.
 * @param {...Node} children What is in it.
 */
export function make(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** Make a button, with the same arguments as `make` but the tag. */
export function makeButton(properties, ...children) {
  return make("button", { type: "button", ...properties }, ...children);
}

/** Make an SVG element, with the same arguments as `make`. */
export function draw(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

/** RETURNS the element with this id. */
export function find(id) {
  return document.getElementById(id);
}

function fill(element, { text, on, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  if (text !== undefined) element.textContent = text;
  for (const [event, listener] of Object.entries(on ?? {})) element.addEventListener(event, listener);
  element.append(...children);
  return element;
}
