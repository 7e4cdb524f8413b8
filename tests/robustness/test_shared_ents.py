"""Several components write entities to one document, in any order and again: each changes its own only."""

import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span

from spacy_mre.annotations.entities import EntitySpan, flat_subset, get_entities, set_entities
from tests.robustness.effort import count, scale

LENGTH = 8
VOCAB = spacy.blank("en").vocab
SPANS = st.builds(
    lambda start, width, label, score: (start, min(start + width, LENGTH), label, score / 4),
    st.integers(0, LENGTH - 1),
    st.integers(1, 4),
    st.sampled_from(["one", "two"]),
    st.integers(0, 4),
)
WRITES = st.tuples(
    st.sampled_from(["one", "two"]), st.sampled_from(["a", "b"]), st.booleans(), st.lists(SPANS, max_size=5)
)
# What a component of spaCy leaves in doc.ents: it adds some of its own, or removes some of any.
EDITS = st.tuples(st.just("other"), st.lists(SPANS, max_size=2), st.lists(st.integers(0, LENGTH - 1), max_size=2))


def ents(doc):
    return {(ent.start, ent.end, ent.label_) for ent in doc.ents}


def links(doc, places):
    return {place: ent.kb_id_ for ent in doc.ents if (place := (ent.start, ent.end, ent.label_)) in places}


def edit(doc, added, removed):
    """Edit doc.ents as another component would: what it adds has a link to a knowledge base."""
    left = [ent for ent in doc.ents if not any(ent.start <= i < ent.end for i in removed)]
    new = []
    for start, end, label, _ in added:
        if all(end <= span.start or span.end <= start for span in (*left, *new)):
            new.append(Span(doc, start, end, label=label, kb_id="other"))
    doc.ents = [*left, *new]


@settings(max_examples=scale(60), deadline=None, derandomize=True)
@given(st.lists(st.one_of(WRITES, EDITS), max_size=8))
def test_each_component_changes_its_own_entities_only(steps):
    count(1)
    doc = Doc(VOCAB, words=["w"] * LENGTH)
    last = {}  # what each component wrote last to each group
    owners = {}  # who wrote which entity of doc.ents
    for step in steps:
        before, linked = ents(doc), links(doc, ents(doc))
        if step[0] == "other":
            edit(doc, *step[1:])
            # An entity of ours that gets a link, or is removed and comes back, is still ours.
            owners = dict.fromkeys(ents(doc), ("other", "")) | owners
            continue
        source, key, set_ents, spans = step
        # An entity that two of ours find is in the group once, so each has its label. The other uses both.
        spans = [(start, end, source, score) for start, end, _, score in spans]
        set_entities(doc, spans, key=key, source=source, set_ents=set_ents)
        last[source, key] = {span[:3] for span in spans}
        in_group = {(span.start, span.end, span.label) for span in get_entities(doc, key)}
        assert in_group == set().union(*(found for (_, group), found in last.items() if group == key))
        if not set_ents:
            assert ents(doc) == before
            # Those that it no longer finds are still there, but nobody's.
            owners = {
                ent: ("nobody", "") if who == (source, key) and ent not in in_group else who
                for ent, who in owners.items()
            }
            continue
        others = {ent for ent in before if owners[ent] != (source, key)}
        assert links(doc, others) == {place: linked[place] for place in others}
        mine = ents(doc) - others
        free = [span for span in spans if all(span[1] <= ent[0] or ent[1] <= span[0] for ent in others)]
        best = {}
        for start, end, label, score in free:
            best[start, end, label] = max(best.get((start, end, label), 0), score)
        expected = flat_subset([EntitySpan(*place, score) for place, score in best.items()])
        assert mine == {(span.start, span.end, span.label) for span in expected}
        owners = {ent: who for ent, who in owners.items() if who != (source, key)} | dict.fromkeys(mine, (source, key))
