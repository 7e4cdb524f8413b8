// How the work differs from what the pipeline, a second pipeline or the gold file has, and the way to take that over.

import { toAnalysis } from "./edit.js";
import { IDLE, setWork } from "./editor.js";
import { find, make, makeButton } from "./dom.js";
import { word } from "./language.js";
import { shorten, workFrom } from "./session.js";
import { store } from "./store.js";

const SOURCES = ["predicted", "other", "gold"];
const MOST_SHOWN = 12;

/** Draw the differences. */
export function drawComparison() {
  const blocks = SOURCES.filter((source) => store.item[source]).map(drawSource);
  find("comparison").replaceChildren(...blocks);
}

function drawSource(source) {
  const theirs = workFrom(source);
  const [own, other] = [statements(store.work), statements(theirs)];
  const more = [...other].filter(([id]) => !own.has(id)).map(([, text]) => `＋ ${text}`);
  const less = [...own].filter(([id]) => !other.has(id)).map(([, text]) => `− ${text}`);
  const differences = [...more, ...less];
  const name = word(`source_${source}`, { name: source === "other" ? store.state.other : store.state.model.name });
  const take = makeButton({
    text: word("take"),
    disabled: differences.length === 0,
    "data-take": source,
    "aria-label": `${word("take")}: ${name}`,
    on: { click: () => setWork(theirs, IDLE) },
  });
  const rows = differences.slice(0, MOST_SHOWN).map((text) => make("li", { text }));
  if (differences.length > MOST_SHOWN) rows.push(make("li", { text: "…" }));
  const title = differences.length ? word("differences", { name, count: differences.length }) : word("same", { name });
  const head = make("p", {}, make("span", { text: title }), take);
  return make("div", { class: "source" }, head, make("ul", { class: "differences" }, ...rows));
}

/** RETURNS a Map from what identifies each statement of a work to its text. */
function statements(work) {
  const { entities, relations, cats } = toAnalysis(work);
  const found = new Map();
  const name = ({ start, end }) => shorten(store.text.slice(start, end));
  const spans = (entities ?? []).map(({ start, end, label }) => JSON.stringify([start, end, label]));
  (entities ?? []).forEach((entity, index) => found.set(spans[index], `${name(entity)} (${entity.label})`));
  for (const { head, tail, label } of relations ?? []) {
    const id = JSON.stringify([spans[head], spans[tail], label]);
    found.set(id, `${name(entities[head])} – ${label} → ${name(entities[tail])}`);
  }
  for (const [label, holds] of Object.entries(cats ?? {})) if (holds) found.set(JSON.stringify(label), label);
  return found;
}
