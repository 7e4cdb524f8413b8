// Colours of labels: the same as on the other pages of the package (spacy_mre/visual/palette.py).

const HUES = 16;
// A label prefers one of the first hues, which are the easiest to distinguish.
const PREFERRED = 8;

/** RETURNS a Map from each label to the CSS classes of its colour and, from the 17th on, of its dashes. */
export function assignHues(labels) {
  const classes = new Map();
  const taken = new Set();
  for (const label of [...new Set(labels)].sort()) {
    const number = firstFree(crc32(label) % PREFERRED, taken);
    taken.add(number);
    classes.set(label, `k${number % HUES} d${Math.floor(number / HUES) % 3}`);
  }
  return classes;
}

function firstFree(preferred, taken) {
  for (let step = 0; step < PREFERRED; step++) {
    const number = (preferred + step) % PREFERRED;
    if (!taken.has(number)) return number;
  }
  let number = PREFERRED;
  while (taken.has(number)) number++;
  return number;
}

function crc32(text) {
  let rest = ~0;
  for (const byte of new TextEncoder().encode(text)) {
    rest ^= byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  }
  return ~rest >>> 0;
}
