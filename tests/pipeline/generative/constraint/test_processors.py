"""Under the grammar a model with random weights writes only what can be read, and nothing else is forbidden."""

import random
import re
from collections import Counter
from functools import lru_cache
from itertools import chain, combinations, pairwise, product

import numpy
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    T5Config,
    T5ForConditionalGeneration,
)

from spacy_mre.pipeline.generative.constraint.processors import (
    LEVELS,
    Constraint,
    FirstTokenProcessor,
    GrammarLogitsProcessor,
    Mask,
)
from spacy_mre.pipeline.generative.constraint.row_automata import RowAutomata
from spacy_mre.pipeline.generative.constraint.token_table import BEGIN, OTHER, TokenTable
from spacy_mre.pipeline.generative.formats.analysis import (
    Analysis,
    ArgumentText,
    EntityText,
    EventText,
    RelationText,
    texts_of,
)
from spacy_mre.pipeline.generative.formats.escaping import DELIMITERS, ESCAPE, ESCAPED, MAX_WORD, escape
from spacy_mre.pipeline.generative.formats.grammar import Grammar
from spacy_mre.pipeline.generative.formats.oiellm import OIELLMFormat
from spacy_mre.pipeline.generative.formats.parts import Choice, Copy, Literal, Repeat
from spacy_mre.pipeline.generative.formats.slg import SLGFormat
from spacy_mre.pipeline.generative.formats.task import Task
from tests.pipeline.generative.constraint.test_token_table import (
    FREE,
    KINDS,
    TEXTS,
    end_of,
    ids_of,
    texts,
    tokenizer_of,
)

FORMATS = ("slg", "oiellm", "slg_relations", "slg_words", "slg_open", "oiellm_open_relations", "oiellm_events")
# Every kind of tokenizer, and every format with a few of them.
PAIRS = [(kind, "slg") for kind in KINDS] + [
    (kind, name) for kind in ("crossing_bpe", "t5", "wordpiece") for name in FORMATS[1:]
]
PROMPT = 3


@lru_cache
def format_of(kind, name):
    """A format in words that the tokenizer can write."""

    def spell(*words):
        return {word: TokenTable.of(tokenizer_of(kind)).surface(word).string for word in words}

    (none,), (prompt,) = spell("none").values(), spell("NER").values()
    level = next((level for level in ("relations", "events") if level in name), "entities")
    classes = {} if name == "slg_words" else spell("News", "Sport", "社会")
    labels = spell("City", "Person", "Product Name", "a:b")
    roles = spell("by", "at") if level == "events" else {}
    task = Task("test", "en", level, prompt, prompt, none, classes, labels, roles, open_labels="open" in name)
    return OIELLMFormat(task) if "oiellm" in name else SLGFormat(task)


@lru_cache
def constraint_of(kind, name):
    tokenizer = tokenizer_of(kind)
    return Constraint(format_of(kind, name).grammar(), TokenTable.of(tokenizer), end_of(tokenizer))


def shortest(constraint, text):
    """The fewest tokens that can be written about a text."""
    return constraint.begin([text], 10_000).texts.least(0)


def random_walk(automata, text, generator, most):
    """Write random tokens of those allowed: the tokens without the end, and the states."""
    state, tokens, states = automata.start(text), [], []
    while len(tokens) < most:
        allowed = automata.allowed(state, len(tokens))
        assert len(allowed)
        states.append(state)
        token = generator.choice(sorted(set(allowed.tolist())))
        if token == automata.automaton.end_token:
            return tokens, states
        state = automata.step(state, token)
        tokens.append(token)
    raise AssertionError("not closed in time")


# What is written can be read


@pytest.mark.parametrize("kind, name", PAIRS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(text=texts, seed=st.integers(0, 1000), room=st.sampled_from([0, 1, 3, 10, 60]))
def test_random_tokens_are_of_the_format_and_of_the_text(kind, name, text, seed, room):
    constraint, format, table = constraint_of(kind, name), format_of(kind, name), TokenTable.of(tokenizer_of(kind))
    most = shortest(constraint, text) + room
    tokens, _ = random_walk(constraint.begin([text], most), 0, random.Random(seed), most)
    string, surface = table.decode(tokens), table.surface(text).string
    assert format.grammar().accepts(string, surface)
    for item in format.parse(string).analysis.items:
        assert all(copied and copied in surface for copied in texts_of(item))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(text=texts, seed=st.integers(0, 1000))
def test_copies_begin_and_end_where_characters_of_the_text_do(kind, text, seed):
    constraint, table = constraint_of(kind, "slg_words"), TokenTable.of(tokenizer_of(kind))
    most = shortest(constraint, text) + 30
    tokens, _ = random_walk(constraint.begin([text], most), 0, random.Random(seed), most)
    string, starts, ends = table.surface(text)
    for item in format_of(kind, "slg_words").parse(table.decode(tokens)).analysis.items:
        found = [i for i in range(len(string)) if string.startswith(item.text, i)]
        cuts = [i == 0 or ends[i - 1] <= starts[i] or string[i - 1].isspace() for i in range(len(string))]
        cuts.append(True)
        assert any(cuts[i] and (cuts[i + len(item.text)] or string[i + len(item.text)].isspace()) for i in found)


# And nothing else is forbidden


def viable(grammar, text, written):
    """Whether bytes are the beginning of something that the grammar can write about a text; character by character,
    by trying."""
    try:
        string, rest = written.decode("utf8"), b""
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return False  # half of a character, and then something else
        string, rest = written[: error.start].decode("utf8"), written[error.start :]
    if rest:
        candidates = {*text, *(char for state in grammar.states for char in state.edges)}
        is_open = any(state.others is not None for state in grammar.states)
        for more in chain.from_iterable(product(b"\x80\x90\xa5\xbf", repeat=n) for n in (1, 2, 3) if is_open):
            candidates.add((rest + bytes(more)).decode("utf8", "replace"))
        return any(
            char.encode("utf8").startswith(rest) and viable(grammar, text, string.encode("utf8") + char.encode("utf8"))
            for char in candidates
        )
    state, copied, item, most, counts, length = grammar.start, "", "", 1, Counter(), 0
    for char in string:
        escaped = (len(copied) - len(copied.rstrip(ESCAPE))) % 2
        if grammar.copies(state) and (escaped or char not in DELIMITERS):
            if escaped and char not in ESCAPED:
                return False
            copied += char
            continue
        if grammar.copies(state):
            most *= places(copied, text)
            counts[item + copied] += grammar.counted(state)
            if not most or counts[item + copied] > most:
                return False
            item += copied
        item, most = (char, 1) if grammar.begins(state, char) else (item + char, most)
        state, copied = grammar.step(state, char), ""
        if state is None:
            return False
        length = length + 1 if grammar.in_word(state) else 0
    # Another character makes another label, which can be written with any name.
    is_open = grammar.in_word(state) or grammar.others(state) is not None
    if length > MAX_WORD or (is_open and length < MAX_WORD and text.strip()):
        return length <= MAX_WORD
    return can_end(grammar, text, state, copied, item, most, counts)


def places(escaped, text):
    """The number of places of an escaped name in a text."""
    name = re.sub(r"\\(.)", r"\1", escaped)
    return sum(text.startswith(name, i) for i in range(len(text))) if name and name == name.strip() else 0


def can_end(grammar, text, state, copied, item, most, counts):
    """Whether the string can be finished; by trying all names and all characters."""
    if not text.strip():
        return ends_without_copies(grammar, state)
    if grammar.others(state) is not None:
        return True
    if not grammar.copies(state):
        return grammar.accepting(state) or any(
            can_end(
                grammar, text, after, "", *((char, 1) if grammar.begins(state, char) else (item + char, most)), counts
            )
            for char, after in grammar.edges(state).items()
        )
    for start, end in combinations(range(len(text) + 1), 2):
        name = escape(text[start:end])
        number = most * places(name, text)
        if name.startswith(copied) and number > (counts[item + name] if grammar.counted(state) else 0):
            written = counts + Counter([item + name] if grammar.counted(state) else [])
            if grammar.accepting(state) or any(
                can_end(
                    grammar,
                    text,
                    after,
                    "",
                    *((char, 1) if grammar.begins(state, char) else (item + name + char, number)),
                    written,
                )
                for char, after in grammar.edges(state).items()
            ):
                return True
    return False


def ends_without_copies(grammar, state):
    seen, waiting = {state}, [state]
    for state in waiting:
        if not grammar.copies(state):
            if grammar.accepting(state):
                return True
            waiting += set(grammar.edges(state).values()) - seen
            seen.update(waiting)
    return False


short_texts = st.one_of(
    st.text(alphabet="ab:;\\<é京 　", max_size=8), st.sampled_from(["New York: a;b", "東京 a", "s: York;"])
)


@pytest.mark.parametrize("kind, name", PAIRS)
@settings(max_examples=10, deadline=None, derandomize=True)
@given(text=short_texts, seed=st.integers(0, 1000))
def test_allowed_tokens_are_those_of_the_grammar(kind, name, text, seed):
    """Every token is tried at some states of a random walk."""
    tokenizer, grammar, constraint = tokenizer_of(kind), format_of(kind, name).grammar(), constraint_of(kind, name)
    table = TokenTable.of(tokenizer)
    automata = constraint.begin([text], 10_000)
    surface = table.surface(text).string
    limit = constraint.begin([text], shortest(constraint, text) + 12)
    tokens, _states = random_walk(limit, 0, random.Random(seed), 10_000)
    for length in random.Random(seed).sample(range(len(tokens) + 1), min(3, len(tokens) + 1)):
        written = table.decode(tokens[:length])
        before = b"".join(writings(table, tokens[:length]))
        context = OTHER if length else BEGIN
        if before:
            context = table.context_after(before.decode("utf8", "replace")[-1])
        state = automata.start(0)
        for token in tokens[:length]:
            state = automata.step(state, token)
        allowed = set(automata.allowed(state, length).tolist())
        assert (end_of(tokenizer) in allowed) == (grammar.accepts(written, surface) and "\ufffd" not in written)
        for token in set(range(len(tokenizer))) - {end_of(tokenizer)}:
            new = table.writes(token, context)
            possible = token in table._words and (bool(new) or not length) and viable(grammar, surface, before + new)
            if kind in FREE:
                assert (token in allowed) == possible, (before, new)
            else:  # the rest of a character may be one that this tokenizer cannot write
                assert token not in allowed or possible, (before, new)


def writings(table, tokens):
    context, written = BEGIN, b""
    for token in tokens:
        new = table.writes(token, context)
        written += new
        context = table.context_after(written.decode("utf8", "replace")[-1]) if written else OTHER
        yield new


def gold_of(draw, text, name):
    def piece():
        start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        return text[start:end].strip()

    pieces = [piece() for _ in range(draw(st.integers(0, 4)))]
    pieces = [piece for piece in pieces if piece]
    labels = st.sampled_from(["City", "Person", "Product Name", "a:b"])
    if "events" in name:
        roles = st.sampled_from(["by", "at"])
        return tuple(
            EventText(draw(labels), trigger, tuple(ArgumentText(draw(roles), one) for one in pieces[i:]))
            for i, trigger in enumerate(pieces[:2])
        )
    if "relations" in name:
        return tuple(RelationText(head, draw(labels), tail) for head, tail in pairwise(pieces))
    return tuple(EntityText(draw(labels), piece) for piece in pieces)


@pytest.mark.parametrize("kind, name", PAIRS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(text=texts, data=st.data())
def test_the_tokens_of_gold_are_allowed(kind, name, text, data):
    format, tokenizer, constraint = format_of(kind, name), tokenizer_of(kind), constraint_of(kind, name)
    table = TokenTable.of(tokenizer)
    gold = format.target(Analysis("News" if format.task.classes else None, gold_of(data.draw, text, name)))
    tokens, surface = ids_of(tokenizer, gold), table.surface(text)
    # Pieces of a composed character are another matter, and so is what the tokenizer does not know.
    assume(tokenizer.unk_token_id not in tokens and format.grammar().accepts(table.decode(tokens), surface.string))
    assume(sum(map(len, text)) == len(surface.string) or "wordpiece" in kind or kind == "t5")
    automata = constraint.begin([text], max(shortest(constraint, text), len(tokens) + 30))
    state = automata.start(0)
    for i, token in enumerate([*tokens, end_of(tokenizer)]):
        assert token in automata.allowed(state, i), table.decode(tokens[: i + 1])
        state = automata.step(state, token)


def test_most_gold_is_faithful():
    """The condition of the test before is met by ordinary text."""
    for kind in KINDS:
        format, tokenizer = format_of(kind, "slg"), tokenizer_of(kind)
        table = TokenTable.of(tokenizer)
        for text, piece in [
            (TEXTS[0], "New York"),
            (TEXTS[0], "C:\\dir."),
            (TEXTS[1], "太郎"),
            (TEXTS[3], "Zoë"),
            (TEXTS[3], "5€ each — naïve?"),
        ]:
            tokens = ids_of(
                tokenizer, format.target(Analysis("News", (EntityText("City", piece), EntityText("a:b", piece))))
            )
            assert format.grammar().accepts(table.decode(tokens), table.surface(text).string), (kind, piece)


# Batches, limits, the end


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_is_as_its_texts_one_by_one(kind):
    constraint, batch = constraint_of(kind, "slg"), [*TEXTS, "", "  ", "a", TEXTS[0]]
    together = constraint.begin(batch, 80)
    for number, text in enumerate(batch):
        alone = constraint.begin([text], 80)
        tokens, _ = random_walk(together, number, random.Random(number), 80)
        state, other = together.start(number), alone.start(0)
        for i, token in enumerate(tokens):
            assert set(together.allowed(state, i).tolist()) == set(alone.allowed(other, i).tolist())
            state, other = together.step(state, token), alone.step(other, token)


@pytest.mark.parametrize("kind, name", PAIRS)
def test_the_lowest_limit_suffices_and_a_lower_one_is_refused(kind, name):
    constraint = constraint_of(kind, name)
    for text in [*TEXTS, ""]:
        least = shortest(constraint, text)
        for seed in range(5):
            tokens, _ = random_walk(constraint.begin([text], least), 0, random.Random(seed), least)
            # Tokens that reach over the boundary of a copy are shorter still; nobody counts on them.
            assert len(tokens) == least - 1 or (
                len(tokens) < least and kind not in ("bpe", "unigram_bytes", "wordpiece", "uncased_wordpiece")
            )
        with pytest.raises(ValueError, match=f"M922.*{least - 1} tokens.*needs at least {least}"):
            constraint.begin([text], least - 1)


def test_without_a_copy_the_string_has_no_items():
    for text in ("", " \n\u3000"):
        for name in FORMATS:
            constraint, format = constraint_of("bpe", name), format_of("bpe", name)
            for seed in range(5):
                tokens, _ = random_walk(constraint.begin([text], 60), 0, random.Random(seed), 60)
                assert format.parse(TokenTable.of(tokenizer_of("bpe")).decode(tokens)).analysis.items == ()


@pytest.mark.parametrize("kind", ["bpe", "unigram", "wordpiece"])
def test_names_begin_and_end_where_they_are_allowed_to(kind):
    text = "New York  or Newark"
    words = {(0, 3), (4, 8), (10, 12), (13, 19)}
    boundaries = {offset for word in words for offset in word}
    table = TokenTable.of(tokenizer_of(kind))
    expected = {
        table.surface(text[start:end]).string
        for start in boundaries
        for end in boundaries
        if start < end and text[start:end].strip()
    }
    automata = constraint_of(kind, "slg_words").begin([text, text], 80, [boundaries, range(len(text) + 1)])
    copied = [set(), set()]
    for seed in range(200):
        for number in range(2):
            tokens, _ = random_walk(automata, number, random.Random(seed), 80)
            copied[number].update(
                item.text for item in format_of(kind, "slg_words").parse(table.decode(tokens)).analysis.items
            )
    assert {" ".join(piece.split()) for piece in copied[0]} <= {" ".join(piece.split()) for piece in expected}
    assert len(copied[0]) >= 4 and copied[1] - copied[0]


def test_characters_that_the_tokenizer_does_not_know_are_not_copied_but_counted():
    tokenizer = tokenizer_of("unigram")
    constraint = constraint_of("unigram", "slg_words")
    text = "New 𠮷 York 𠮷b"
    automata = constraint.begin([text, "York"], 60)
    assert automata.texts.unwritable == ["𠮷𠮷", ""]
    copied = set()
    for seed in range(300):
        tokens, _ = random_walk(automata, 0, random.Random(seed), 60)
        copied.update(
            item.text
            for item in format_of("unigram", "slg_words").parse(TokenTable.of(tokenizer).decode(tokens)).analysis.items
        )
    assert {"New", "York", "b"} <= copied and not any("𠮷" in piece for piece in copied)


def test_after_the_end_and_after_a_wrong_token():
    constraint = constraint_of("bpe", "slg_words")
    automata, end = constraint.begin(["a"], 60), constraint.automaton.end_token
    state = automata.start(0)
    assert automata.step(state, end) is None
    for token in ids_of(tokenizer_of("bpe"), "NER:City;a"):
        state = automata.step(state, token)
    ended = automata.step(state, end)
    assert automata.allowed(ended, 59).tolist() == [end] == automata.allowed(automata.step(ended, 0), 99).tolist()


@pytest.mark.parametrize(
    "parts, yes, no",
    [
        ([Copy()], ["a", "a b", "\\:"], [" a", "a ", ":", "b a", ""]),
        ([Copy(), Literal("/d")], ["a/d", "a b/d"], ["a", "/d"]),
        ([Literal("w"), Copy(), Literal(":")], ["wa:", "wb:"], ["w a:", "w:"]),
        ([Repeat([Choice(["ë", "ëa"]), Literal(";"), Copy(), Literal(">")])], ["ë;a>", "ëa;b>ë;a b>"], ["ë;>", ""]),
    ],
)
@pytest.mark.parametrize("kind", ["crossing_bpe", "unigram", "wordpiece"])
def test_grammars_of_other_shapes(kind, parts, yes, no):
    """A copy at the start, after a letter, before the end."""
    tokenizer, grammar, text = tokenizer_of(kind), Grammar.compile(parts), "a b:"
    table = TokenTable.of(tokenizer)
    constraint = Constraint(grammar, table, end_of(tokenizer))
    automata = constraint.begin([text], 30)
    for seed in range(30):
        tokens, _ = random_walk(automata, 0, random.Random(seed), 30)
        assert grammar.accepts(table.decode(tokens), table.surface(text).string)
    for string in [*yes, *no]:
        tokens = ids_of(tokenizer, string)
        if tokenizer.unk_token_id in tokens or table.decode(tokens) != string:
            continue  # WordPiece has no space after punctuation
        state = automata.start(0)
        for token in [*tokens, end_of(tokenizer)]:
            state = None if state is None else automata.step(state, token)
        assert (state is not None) == grammar.accepts(string, table.surface(text).string), string


def pieces_allowed(pieces, parts, text):
    """The tokens that a tokenizer with this vocabulary allows after others."""
    tokenizer = Tokenizer(models.Unigram([(piece, -1.0) for piece in ("<unk>", "</s>", *pieces)], unk_id=0))
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="never")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>")
    automata = Constraint(Grammar.compile(parts), TokenTable.of(tokenizer), 1).begin(["b", text], 20)

    def allowed(*written):
        state = automata.start(1)
        for piece in written:
            state = automata.step(state, tokenizer.convert_tokens_to_ids(piece))
        return set(tokenizer.convert_ids_to_tokens(automata.allowed(state, len(written)).tolist()))

    return allowed


def test_tokens_that_lead_nowhere_are_not_allowed():
    """There is no token `é`, so `x` before an `é` leads to a dead end, and so does a copy up to the `é`."""
    pieces = [";", "x", "xé", ";x", "a", "a;x", "a;", "bé", "b", " ", "a "]
    allowed = pieces_allowed(pieces, [Copy(), Literal(";xé")], "aa bé éa é")
    assert allowed() == {"a", "a;", "a ", "b", "bé"}
    assert allowed("a") == {"a", "a;", "a ", " ", ";"}
    assert allowed("a", "a") == {" ", ";"}
    assert allowed("a", " ") == {"bé", "b"}  # after the other `a `, only `é` follows
    assert allowed("bé") == {";"}
    assert allowed("a;") == allowed("b", ";") == {"xé"}
    assert allowed("a", ";", "xé") == {"</s>"}
    allowed = pieces_allowed([":", "a", "b", " ", ":a", ":a ", "é;"], [Literal(":"), Copy()], "a é")
    assert allowed() == {":", ":a"}
    with pytest.raises(ValueError, match=r"M924.*'é é"):
        pieces_allowed(pieces, [Copy(), Literal(";xé")], "é é")


def test_tokens_may_reach_over_several_borders():
    pieces = [":", ";", "a", "b", "a:b", "a:b;", "b;a", ":b;a", ";b", ":b:a:b;"]
    allowed = pieces_allowed(pieces, [Repeat([Literal(":"), Copy()]), Literal(";"), Copy()], "ab")
    # Not `:b:a:b;`, because there is one `b` in the text.
    assert allowed() == {":", ":b;a"}
    assert allowed(":") == {"a", "b", "a:b", "a:b;", "b;a"}
    assert allowed(":", "a") == {"b", ":", ":b;a", ";", ";b", "b;a"}
    assert allowed(":", "a:b") == {":", ";", ";b"}
    assert allowed(":", "a:b", ":") == {"a"}  # and then `b`
    assert allowed(":", "a:b", ":", "a") == {"b", "b;a"}
    assert allowed(":b;a") == {"b", "</s>"}
    assert allowed(":b;a", "b") == {"</s>"}
    allowed = pieces_allowed(pieces, [Repeat([Literal(":"), Copy()]), Literal(";"), Copy()], "bab")
    assert allowed() == {":", ":b;a", ":b:a:b;"}
    assert allowed(":b:a:b;") == {"a", "b"}


# Words that cannot be written


def test_words_that_the_tokenizer_cannot_write_are_refused():
    tokenizer = tokenizer_of("uncased_wordpiece")
    with pytest.raises(ValueError, match=r"M921.*cannot write S, .*'<S'"):
        Constraint(
            Grammar.compile([Literal("<"), Choice(["news", "Sport"]), Literal(">")]), TokenTable.of(tokenizer), 1
        )
    with pytest.raises(ValueError, match=r"M921.*cannot write 𠮷, .*'\.\.\.:a𠮷'"):
        Constraint(Grammar.compile([Copy(), Literal(":a𠮷a")]), TokenTable.of(tokenizer_of("unigram")), 1)
    with pytest.raises(
        ValueError, match=r"M921.*cannot write  , .*'a '"
    ):  # between a letter and a mark, word pieces write no space
        Constraint(Grammar.compile([Literal("a :")]), TokenTable.of(tokenizer), 1)
    Constraint(Grammar.compile([Literal("new york :".replace(" :", ":"))]), TokenTable.of(tokenizer), 1)


def test_levels():
    constraint = constraint_of("bpe", "slg")
    assert LEVELS == ("none", "first_token", "grammar")
    assert constraint.processors("none", ["a"], 5) == []
    assert [type(one) for one in constraint.processors("first_token", ["a"], 5)] == [FirstTokenProcessor]
    assert [type(one) for one in constraint.processors("grammar", ["a"], 50)] == [GrammarLogitsProcessor]
    with pytest.raises(ValueError, match=r"M001.*grammar"):
        constraint.processors("some", ["a"], 5)


# With Hugging Face models


@lru_cache
def model_of(family, kind):
    size = {
        "vocab_size": len(tokenizer_of(kind)),
        "pad_token_id": tokenizer_of(kind).pad_token_id,
        "eos_token_id": end_of(tokenizer_of(kind)),
    }
    torch.manual_seed(0)
    if family == "llama":
        config = LlamaConfig(
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=256,
            **size,
        )
        return LlamaForCausalLM(config).eval()
    size["decoder_start_token_id"] = size["pad_token_id"]
    if family == "t5":
        return T5ForConditionalGeneration(T5Config(d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, **size)).eval()
    heads = {
        f"{part}_{what}": number
        for part in ("encoder", "decoder")
        for what, number in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 8))
    }
    return BartForConditionalGeneration(BartConfig(d_model=8, max_position_embeddings=256, **heads, **size)).eval()


def generate(family, kind, processors, rows, most, **options):
    """Generate with wild random weights, so that outputs differ from text to text."""
    model = model_of(family, kind)
    torch.manual_seed(options.pop("seed", 0))
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=1.0)
    inputs = torch.randint(5, model.config.vocab_size, (rows, PROMPT))
    with torch.inference_mode():
        output = model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            max_new_tokens=most,
            logits_processor=processors,
            forced_eos_token_id=None,
            **options,
        )
    return output[:, PROMPT if family == "llama" else 1 :].tolist()


MODES = {
    "greedy": {"do_sample": False},
    "beam": {"do_sample": False, "num_beams": 3},
    "beams": {"do_sample": False, "num_beams": 3, "num_return_sequences": 3},
    "sampling": {"do_sample": True, "top_k": 20, "num_return_sequences": 2},
    "beam_sampling": {"do_sample": True, "num_beams": 3, "early_stopping": True, "length_penalty": 2.0},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "family, kind",
    [("llama", "crossing_bpe"), ("t5", "t5"), ("bart", "bpe"), ("t5", "uncased_wordpiece"), ("llama", "llama2")],
)
def test_random_weights_write_what_can_be_read(family, kind, mode):
    tokenizer, batch = tokenizer_of(kind), [*TEXTS, "", "a"]
    table, end = TokenTable.of(tokenizer), end_of(tokenizer)
    strings = []
    for seed, room, name in [(1, 0, "slg"), (2, 4, "oiellm"), (3, 40, "slg_relations"), (4, 40, "slg")]:
        constraint, format = constraint_of(kind, name), format_of(kind, name)
        most = max(shortest(constraint, text) for text in batch) + room
        rows = generate(
            family, kind, constraint.processors("grammar", batch, most), len(batch), most, seed=seed, **MODES[mode]
        )
        per_text = len(rows) // len(batch)
        assert per_text == MODES[mode].get("num_return_sequences", 1)
        for i, row in enumerate(rows):
            assert end in row
            string = table.decode(row[: row.index(end)])
            assert format.grammar().accepts(string, table.surface(batch[i // per_text]).string), string
            format.parse(string)
            strings.append(string)
    assert len(set(strings)) > len(strings) / 4


class Recomputing(GrammarLogitsProcessor):
    """Compares each mask with one that is computed from scratch."""

    def __init__(self, constraint, texts_, most):
        super().__init__(constraint.begin(texts_, most))
        self.again = (constraint, texts_, most)
        self.rows = self.changed = 0
        self.before = []

    def __call__(self, input_ids, scores):
        masked = super().__call__(input_ids, scores)
        constraint, texts_, most = self.again
        automata = RowAutomata(constraint.grammar, constraint.automaton, texts_, most)
        for row, tokens in enumerate(input_ids[:, self._prompt_length :].tolist()):
            state = automata.start(row * len(texts_) // len(input_ids))
            for token in tokens:
                state = None if state is None else automata.step(state, token)
            allowed = (
                {constraint.automaton.end_token}
                if state is None
                else set(automata.allowed(state, len(tokens)).tolist())
            )
            assert set(torch.nonzero(masked[row] > -torch.inf).flatten().tolist()) == allowed
            assert all(masked[row, token] == scores[row, token] for token in allowed)
            self.rows += 1
            self.changed += bool(tokens) and tokens[:-1] != self.before[row]
        self.before = input_ids[:, self._prompt_length :].tolist()
        return masked


def test_beams_that_change_their_rows_keep_their_states():
    batch = TEXTS[:3]
    processor = Recomputing(constraint_of("crossing_bpe", "slg"), batch, 40)
    generate("bart", "crossing_bpe", [processor], len(batch), 40, num_beams=4, do_sample=False, seed=5)
    assert processor.rows > 200 and processor.changed > 20


def test_rows_of_a_batch_are_written_as_alone():
    kind, constraint = "bpe", constraint_of("bpe", "slg")
    model = model_of("t5", kind)
    torch.manual_seed(3)
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=1.0)
    inputs = torch.randint(5, model.config.vocab_size, (3, PROMPT))

    def write(rows, beams):
        processors = constraint.processors("grammar", [TEXTS[row] for row in rows], 30)
        output = model.generate(
            inputs[rows], max_new_tokens=30, logits_processor=processors, num_beams=beams, do_sample=False
        )
        return [row[: row.index(end_of(tokenizer_of(kind)))] for row in output.tolist()]

    for beams in (1, 3):
        together = write([0, 1, 2], beams)
        assert together == [write([row], beams)[0] for row in range(3)]
        assert len({tuple(row) for row in together}) > 1


@pytest.mark.parametrize("kind, family", [("bpe", "llama"), ("t5", "t5"), ("unigram", "bart")])
def test_the_first_token_is_that_of_the_format(kind, family):
    constraint, table = constraint_of(kind, "slg"), TokenTable.of(tokenizer_of(kind))
    free = [
        table.decode(row) for seed in range(3) for row in generate(family, kind, [], 6, 12, seed=seed, do_sample=False)
    ]
    held = []
    for seed in range(3):
        processors = constraint.processors("first_token", TEXTS, 12)
        held += [table.decode(row) for row in generate(family, kind, processors, 6, 12, seed=seed, do_sample=False)]
    assert not all(string.startswith("<") for string in free)
    assert all(string.startswith("<") for string in held)
    grammar = format_of(kind, "slg").grammar()
    assert not any(grammar.accepts(string, TEXTS[0]) for string in held)  # the rest is free


def test_what_others_forbid_can_still_be_chosen_if_nothing_else_is_left():
    constraint = constraint_of("bpe", "slg_words")
    processor = constraint.processors("grammar", ["a"], 30)[0]
    scores = torch.full((1, len(tokenizer_of("bpe"))), -torch.inf)
    scores[0, 7] = torch.nan
    masked = processor(torch.zeros((1, 4), dtype=torch.long), scores)
    best = int(masked.argmax())
    assert best in constraint.automaton.transitions(constraint.automaton.start).tokens
    assert torch.isfinite(masked[0, best]) and masked[0, 7] == -torch.inf


def test_a_model_with_too_few_embeddings_is_refused():
    constraint = constraint_of("bpe", "slg_words")
    for level in ("grammar", "first_token"):
        processor = constraint.processors(level, ["a"], 30)[0]
        with pytest.raises(ValueError, match=r"M923.*resize_token_embeddings"):
            processor(torch.zeros((1, 4), dtype=torch.long), torch.zeros((1, 100)))


def test_embeddings_beyond_the_vocabulary_are_never_chosen():
    constraint = constraint_of("bpe", "slg_words")
    processor = constraint.processors("grammar", ["a"], 30)[0]
    masked = processor(torch.zeros((1, 4), dtype=torch.long), torch.zeros((1, 1000)))
    assert (masked[0, len(tokenizer_of("bpe")) :] == -torch.inf).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_was_allowed_before_is_masked_again(dtype):
    mask, rng = Mask(), numpy.random.default_rng(0)
    for rows in (3, 3, 3, 2, 2, 3):
        scores = torch.randn(rows, 50, dtype=dtype)
        scores[0, :2] = torch.tensor([torch.nan, -torch.inf])
        allowed = [rng.choice(50, size=rng.integers(1, 5), replace=False) for _ in range(rows)]
        allowed[0] = numpy.array([0, 1, 7])
        expected = torch.full((rows, 50), -torch.inf, dtype=dtype)
        for row, tokens in enumerate(allowed):
            expected[row, tokens] = scores[row, tokens].nan_to_num(
                nan=torch.finfo(dtype).min, neginf=torch.finfo(dtype).min
            )
        assert torch.equal(mask(scores, allowed), expected)
