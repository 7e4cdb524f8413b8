// The lists beside the picture: entities, relations and categories, with their scores.

import { choose, chooseCategory } from "./editor.js";
import { inOrder } from "./edit.js";
import { find, make, makeButton } from "./dom.js";
import { percent, word } from "./language.js";
import { shorten } from "./session.js";
import { store } from "./store.js";

/** Draw the lists of entities and relations. */
export function drawLists() {
  const { work, text, hues } = store;
  const words = ({ start, end }) => shorten(text.slice(start, end));
  const item = (kind, index, name, label, score) => {
    const colours = kind === "entity" ? hues.entities : hues.relations;
    const tag = make("span", { class: `tag ${colours.get(label) ?? "k0"}`, text: label });
    const parts = [make("span", { class: "name", text: name }), tag];
    if (score !== undefined && score !== null) parts.push(make("span", { class: "score", text: percent(score) }));
    const on = { click: () => choose(kind, index) };
    return make("li", {}, makeButton({ [`data-${kind}-row`]: index, on }, ...parts));
  };
  const entities = inOrder(work).map((index) => {
    const { label, score } = work.entities[index];
    return item("entity", index, words(work.entities[index]), label, score);
  });
  const relations = work.relations.map(({ head, tail, label, score }, index) =>
    item("relation", index, `${words(work.entities[head])} → ${words(work.entities[tail])}`, label, score),
  );
  const isInside = document.activeElement.closest(".list") !== null;
  find("entities").replaceChildren(...entities);
  find("relations").replaceChildren(...relations);
  if (isInside) find("picture").focus({ preventScroll: true });
  find("entity-count").textContent = String(entities.length);
  find("relation-count").textContent = String(relations.length);
}

/** Mark what is chosen in the lists. */
export function markChosen() {
  const { chosen, tail } = store;
  for (const kind of ["entity", "relation"]) {
    for (const button of document.querySelectorAll(`[data-${kind}-row]`)) {
      const index = Number(button.getAttribute(`data-${kind}-row`));
      const isChosen = chosen?.kind === kind && chosen.index === index;
      button.setAttribute("aria-pressed", String(isChosen));
      button.classList.toggle("tail", kind === "entity" && tail === index);
      if (isChosen) button.scrollIntoView({ block: "nearest" });
    }
  }
}

/** Draw the categories. The probabilities are those of the pipeline. */
export function drawCats() {
  const { work, item, state } = store;
  const { cats, exclusive_cats: exclusive } = state.labels;
  find("cats-panel").hidden = cats.length === 0;
  const rows = cats.map((label) => {
    const holds = Boolean(work.cats[label]);
    const score = item.predicted?.cats?.[label] ?? null;
    const parts = [
      make("span", { class: "check", text: (exclusive ? "○◉" : "☐☑")[Number(holds)], "aria-hidden": "true" }),
      make("span", { class: "name", text: label }),
    ];
    if (score !== null) {
      parts.push(make("meter", { min: 0, max: 1, value: score, "aria-label": word("probability") }));
      parts.push(make("span", { class: "score", text: percent(score) }));
    }
    const role = exclusive ? "radio" : "checkbox";
    const checked = { role, "aria-checked": String(holds), "data-cat": label };
    return makeButton({ ...checked, on: { click: () => chooseCategory(label) } }, ...parts);
  });
  const list = find("cats");
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.cat : null;
  list.setAttribute("role", exclusive ? "radiogroup" : "group");
  list.replaceChildren(...rows);
  rows.find((row) => row.dataset.cat === focused)?.focus();
}
