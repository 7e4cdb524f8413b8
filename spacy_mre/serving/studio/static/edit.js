// Corrections of an analysis. A work is never changed in place, so the one before it is still there for "undo".
//
// A work is {entities: [{start, end, label, score?}], relations: [{head, tail, label, score?}],
// cats: {label: boolean}, levels}. Head and tail are places in `entities`. What a person has changed loses its score.
// `levels` are those that the pipeline sets; the others are null for the server.

const LEAST = 0.5;
const LEVELS = ["entities", "relations", "cats"];

/**
 * Begin with an analysis of the server.
 * @param {?Object} analysis The analysis. Null: nothing was found.
 * @param {Object} labels The labels of the pipeline, of `GET /studio/state`.
 */
export function begin(analysis, labels) {
  const { entities, relations, cats } = analysis ?? {};
  return {
    entities: (entities ?? []).map(({ start, end, label, score }) => ({ start, end, label, score })),
    relations: (relations ?? []).map(({ head, tail, label, score }) => ({ head, tail, label, score })),
    cats: chosenCats(cats ?? {}, labels),
    levels: LEVELS.filter((level) => analysis?.[level] || labels[level].length > 0),
  };
}

/** RETURNS which categories hold: of exclusive ones the best, otherwise those that are likelier than not. */
function chosenCats(scores, { cats, exclusive_cats: exclusive, cats_threshold: least = LEAST }) {
  const known = Object.keys(scores);
  const best = known.length ? known.reduce((a, b) => (scores[b] > scores[a] ? b : a)) : null;
  const holds = (label) => (exclusive ? label === best : (scores[label] ?? 0) >= least);
  return Object.fromEntries([...new Set([...cats, ...known])].map((label) => [label, holds(label)]));
}

/** RETURNS the work as the server wants it. */
export function toAnalysis({ entities, relations, cats, levels }) {
  const all = {
    entities: entities.map(({ start, end, label }) => ({ start, end, label })),
    relations: relations.map(({ head, tail, label }) => ({ head, tail, label })),
    cats: Object.fromEntries(Object.entries(cats).map(([label, holds]) => [label, holds ? 1 : 0])),
  };
  return Object.fromEntries(LEVELS.map((level) => [level, levels.includes(level) ? all[level] : null]));
}

/** RETURNS the place of an entity in the work, or -1. */
export function indexOfEntity(work, { start, end, label }) {
  return work.entities.findIndex((other) => other.start === start && other.end === end && other.label === label);
}

/** RETURNS the place of a relation in the work, or -1. */
export function indexOfRelation(work, { head, tail, label }) {
  return work.relations.findIndex((other) => other.head === head && other.tail === tail && other.label === label);
}

/** RETURNS the work with one more entity, or null if it has it already. */
export function addEntity(work, { start, end, label }) {
  if (indexOfEntity(work, { start, end, label }) >= 0) return null;
  return { ...work, entities: [...work.entities, { start, end, label }] };
}

/** RETURNS the work with another label or other borders of an entity, or null if it has such an entity already. */
export function setEntity(work, index, changes) {
  const { start, end, label } = { ...work.entities[index], ...changes };
  if (start >= end || indexOfEntity(work, { start, end, label }) >= 0) return null;
  return { ...work, entities: work.entities.with(index, { start, end, label }) };
}

/** RETURNS the work without an entity and its relations. */
export function removeEntity(work, index) {
  const shift = (place) => (place > index ? place - 1 : place);
  const relations = work.relations
    .filter(({ head, tail }) => head !== index && tail !== index)
    .map((relation) => ({ ...relation, head: shift(relation.head), tail: shift(relation.tail) }));
  return { ...work, entities: work.entities.toSpliced(index, 1), relations };
}

/** RETURNS the work with one more relation, or null if it has it already or the relation is of an entity to itself. */
export function addRelation(work, relation) {
  if (relation.head === relation.tail || indexOfRelation(work, relation) >= 0) return null;
  return { ...work, relations: [...work.relations, relation] };
}

/** RETURNS the work with another label of a relation, or null if it has such a relation already. */
export function setRelation(work, index, label) {
  const { head, tail } = work.relations[index];
  if (indexOfRelation(work, { head, tail, label }) >= 0) return null;
  return { ...work, relations: work.relations.with(index, { head, tail, label }) };
}

/** RETURNS the work without a relation. */
export function removeRelation(work, index) {
  return { ...work, relations: work.relations.toSpliced(index, 1) };
}

/** RETURNS the work with a category chosen; one that is not exclusive and was chosen is taken away. */
export function toggleCat(work, label, exclusive) {
  const holds = (other) => (exclusive ? other === label : work.cats[other] !== (other === label));
  return { ...work, cats: Object.fromEntries(Object.keys(work.cats).map((other) => [other, holds(other)])) };
}

/** RETURNS whether two works have the same entities, relations and categories, in any order. */
export function isSame(one, other) {
  return fingerprint(one) === fingerprint(other);
}

function fingerprint({ entities, relations, cats }) {
  const spans = entities.map(({ start, end, label }) => JSON.stringify([start, end, label]));
  const pairs = relations.map(({ head, tail, label }) => JSON.stringify([spans[head], spans[tail], label]));
  const chosen = Object.keys(cats).filter((label) => cats[label]);
  return JSON.stringify([spans.toSorted(), pairs.toSorted(), chosen.toSorted()]);
}

/** RETURNS the places of the entities in the order of the text, outer ones before inner ones. */
export function inOrder({ entities }) {
  return entities
    .map((_, index) => index)
    .sort((a, b) => entities[a].start - entities[b].start || entities[b].end - entities[a].end || a - b);
}
