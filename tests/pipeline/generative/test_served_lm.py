"""`oiellm` and `slg` with a model behind a server: what is asked, what becomes of the answers, and of faults."""

import pickle
import warnings
from math import exp

import pytest
import spacy
from spacy.training import Example

from spacy_mre.annotations.entities import get_entities
from spacy_mre.pipeline.generative.architectures import build_served_lm
from spacy_mre.pipeline.generative.formats import Analysis, EntityText
from spacy_mre.pipeline.generative.served_requests import token_ends

pytest.importorskip("httpx")
pytest.importorskip("llguidance")

from tests.pipeline.generative.served import GrammarServer, serving

ANSWERS = {
    "Ida flies to Lima": Analysis("travel", (EntityText("person", "Ida"), EntityText("place", "Lima"))),
    "play a:b by Bo": Analysis("music", (EntityText("person", "Bo"), EntityText("album", "a:b"))),
    "大阪 へ 行く": Analysis("travel", (EntityText("place", "大阪"),)),
    "it rains": Analysis("travel", ()),
}


def make_nlp(url, factory="oiellm", lang="en", **settings):
    component = {
        name: settings.pop(name) for name in list(settings) if name in ("constraint", "num_beams", "strict", "language")
    }
    limit = settings.pop("max_new_tokens", None)
    nlp = spacy.blank(lang)
    model = {"@architectures": "spacy_mre.ServedLM.v1", "base_url": url, "name": "m", "attempts": 2, **settings}
    pipe = nlp.add_pipe(factory, config={"model": model, "max_new_tokens": limit, **component})
    for label in ("travel", "music"):
        pipe.add_label(label, level="classes")
    for label in ("person", "place", "album"):
        pipe.add_label(label)
    return nlp, pipe


@pytest.fixture
def serve():
    """Start a server that answers the texts of `ANSWERS`, or with given strings and faults."""
    running = []

    def start(factory="oiellm", given=None, piece=3, **settings):
        server = GrammarServer(lambda source: "", piece)
        context = serving(server)
        context.__enter__()
        running.append(context)
        nlp, pipe = make_nlp(server.url, factory, **settings)
        faults = dict(given or {})

        def answer(source):
            text = pipe.format.read_source(source.removesuffix("\n"))
            found = faults.get(text)
            if isinstance(found, list):
                found = found.pop(0) if found else None
            if found == "time-out":
                raise TimeoutError
            return pipe.format.target(ANSWERS[text]) if found is None else found

        server.answer = answer
        return nlp, pipe, server

    yield start
    for context in running:
        context.__exit__(None, None, None)


def found_in(doc):
    return max(doc.cats, key=doc.cats.get), [(ent.text, ent.label_) for ent in doc.ents]


@pytest.mark.parametrize("factory", ["oiellm", "slg"])
@pytest.mark.parametrize("endpoint", ["completions", "chat"])
@pytest.mark.parametrize("grammar", ["structured_outputs", "guided_grammar", "ebnf", "grammar", "none"])
def test_answers(serve, factory, endpoint, grammar):
    nlp, pipe, server = serve(
        factory, endpoint=endpoint, grammar=grammar, instruction="" if endpoint == "completions" else "Find."
    )
    docs = list(nlp.pipe(["Ida flies to Lima", "", "it rains"]))
    assert found_in(docs[0]) == ("travel", [("Ida", "person"), ("Lima", "place")])
    assert found_in(docs[2]) == ("travel", []) and docs[1]._.generated == "" and not pipe.left_out
    assert docs[0]._.generated == pipe.format.target(ANSWERS["Ida flies to Lima"])
    assert len(server.requests) == 2
    for request in server.requests:
        assert request["model"] == "m" and request["temperature"] == 0 and request["logprobs"]
        assert request["path"] == ("/v1/completions" if endpoint == "completions" else "/v1/chat/completions")
        fields = {"structured_outputs", "guided_grammar", "ebnf", "grammar"} & set(request)
        assert fields == {grammar} - {"none"}
        if endpoint == "chat":
            assert request["messages"][0] == {"role": "system", "content": "Find."}


def test_the_grammar_is_that_of_the_text_and_its_tokens(serve):
    """The server cuts an answer where it leaves the grammar."""
    outside = "travel/NER/:Person;Ida:Location;Oslo"
    inside_of_a_token = "travel/NER/:Person;Ida:Location;Lim"
    nlp, _, server = serve(given={"Ida flies to Lima": [outside, inside_of_a_token]})
    with pytest.warns(UserWarning, match="W930"):
        doc = nlp("Ida flies to Lima")
    assert doc._.generated == "travel/NER/:Person;Ida:Location;" and len(doc.ents) == 1
    # Cut before a delimiter, where the server would have gone on.
    assert nlp("Ida flies to Lima").ents[1:] == ()
    from llguidance import LLMatcher, grammar_from

    from tests.pipeline.generative.served import BYTES

    matcher = LLMatcher(BYTES, grammar_from("lark", server.requests[0]["structured_outputs"]["grammar"]))
    assert matcher.try_consume_tokens(list(inside_of_a_token.encode())) and not matcher.is_accepting()
    assert matcher.consume_token(ord("a")) and matcher.is_accepting()


def test_without_a_constraint_no_grammar_is_sent(serve):
    nlp, _, server = serve(constraint="none")
    assert found_in(nlp("it rains"))[0] == "travel"
    assert "structured_outputs" not in server.requests[0]


def test_the_prompt(serve):
    nlp, _, server = serve(separator=" =>\n", instruction="")
    server.answer = lambda source: "travel/NER/:None;"
    nlp("it rains")
    assert server.requests[0]["prompt"] == "it rains/NER =>\n" and server.requests[0]["max_tokens"] == 128


@pytest.mark.parametrize("endpoint", ["completions", "chat"])
@pytest.mark.parametrize("piece", [1, 2, 3, 5, 100])
def test_scores_are_those_of_the_tokens(serve, endpoint, piece):
    """With few bytes in a token, most tokens of the Japanese text are parts of characters."""
    nlp, _, _ = serve(endpoint=endpoint, piece=piece, lang="xx", language="en")
    doc = nlp("大阪 へ 行く")
    string = doc._.generated.encode()
    count = -(-len(string) // piece)
    log_probs = [-0.5 * number for number in range(count + 1)]
    assert doc._.generated_score == pytest.approx(sum(log_probs))
    start = string.index(b":")
    tokens = log_probs[start // piece : count]
    (entity,) = doc.spans["entities"]
    assert (entity.text, entity.label_) == ("大阪", "place")
    expected = exp(sum(tokens) / len(tokens))
    assert 0 < doc.cats["travel"] <= 1
    assert get_entities(doc)[0].score == pytest.approx(expected, rel=1e-6)


def test_without_probabilities_scores_are_1(serve):
    nlp, _, _ = serve(piece=0)
    doc = nlp("Ida flies to Lima")
    assert doc._.generated_score == 0.0 and doc.cats["travel"] == 1.0


@pytest.mark.parametrize(
    "string, tokens, ends",
    [
        ("ab:c", ["a", "b:", "c"], [1, 3, 4]),
        ("ab", ["ab", "</s>"], [2, 2]),
        ("ab", ["ab", ""], [2, 2]),
        ("あい", ["あ", "い"], [3, 6]),
        ("あい", ["\ufffd", "\ufffd", "い"], [1, 3, 6]),
        ("aあ", ["a", "\ufffd", "\ufffd", "\ufffd", "</s>"], [1, 2, 3, 4, 4]),
        ("a\ufffd", ["a", "\ufffd"], [1, 4]),
        ("ab", ["a", "c"], None),
        ("ab", ["a"], None),
        ("ab", ["a", "</s>", "b"], None),
        ("", [], None),
    ],
)
def test_tokens_are_aligned_with_the_string(string, tokens, ends):
    assert token_ends(string, [(token, -1.0) for token in tokens]) == ends


@pytest.mark.parametrize("fault, reason", [(429, "429"), (500, "500"), ("time-out", "time-out"), (400, "400")])
def test_a_text_without_an_answer_is_counted(serve, fault, reason):
    nlp, pipe, _ = serve(given={"it rains": [fault] * 9}, timeout=0.5)
    with pytest.warns(UserWarning, match=rf"W930.*did not answer \({reason}\).*it rains"):
        docs = list(nlp.pipe(["Ida flies to Lima", "it rains", "play a:b by Bo"]))
    assert [len(doc.ents) for doc in docs] == [2, 0, 2]
    assert docs[1]._.generated == "" and not any(docs[1].cats.values())
    assert pipe.left_out == {f"text that the server did not answer ({reason})": 1}


@pytest.mark.parametrize("fault", [429, 500, "time-out"])
def test_asked_again(serve, fault):
    nlp, pipe, server = serve(given={"it rains": [fault]}, timeout=0.5)
    assert found_in(nlp("it rains"))[0] == "travel" and len(server.requests) == 2 and not pipe.left_out


@pytest.mark.parametrize("endpoint", ["completions", "chat"])
def test_a_refusal_is_counted(serve, endpoint):
    nlp, pipe, _ = serve(given={"it rains": "refused"}, endpoint=endpoint)
    with pytest.warns(UserWarning, match="W930.*refused"):
        doc = nlp("it rains")
    assert doc._.generated == "" and pipe.left_out == {"text that the server refused": 1}


@pytest.mark.parametrize("limit, left", [(11, [("Ida", "person")]), (6, []), (1, [])])
def test_a_truncated_answer(serve, limit, left):
    """11 tokens end within the second entity, 6 within the first, 1 within the text label."""
    nlp, pipe, _ = serve(max_new_tokens=limit)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        doc = nlp("Ida flies to Lima")
    assert [(ent.text, ent.label_) for ent in doc.ents] == left
    assert pipe.left_out["answer that ended at max_new_tokens"] == 1


@pytest.mark.parametrize("status", [401, 404])
def test_a_wrong_key_or_model_ends_all(serve, status):
    nlp, _, _ = serve(given={"it rains": status})
    with pytest.raises(ValueError, match=rf"M272.*answered {status}.*key_env"):
        nlp("it rains")


def test_a_server_that_is_not_there():
    nlp, _ = make_nlp("http://127.0.0.1:9/v1")
    with pytest.raises(ValueError, match="M273"):
        nlp("it rains")


def test_the_key(serve, monkeypatch):
    monkeypatch.setenv("SPACY_MRE_TEST", "secret")
    nlp, _, server = serve(key_env="SPACY_MRE_TEST")
    nlp("it rains")
    assert server.requests[0]["authorization"] == "Bearer secret"
    assert "secret" not in nlp.config.to_str()
    nlp, _, server = serve()
    nlp("it rains")
    assert server.requests[0]["authorization"] is None


def test_wrong_settings(serve):
    with pytest.raises(ValueError, match=r"M962.*AWS_SECRET"):
        make_nlp("http://localhost/v1", key_env="AWS_SECRET")
    with pytest.raises(ValueError, match="M271"):
        make_nlp("localhost")
    with pytest.raises(ValueError, match="M001"):
        build_served_lm("http://localhost/v1", "m", grammar="lark")
    for settings in ({"constraint": "first_token"}, {"num_beams": 2}):
        nlp, _, server = serve(**settings)
        with pytest.raises(ValueError, match=f"M963.*{next(iter(settings))}"):
            nlp("it rains")
        assert not server.requests


def test_it_is_not_trained(serve, make_doc):
    nlp, pipe, server = serve()
    gold = make_doc(nlp, ["Ida", "flies"], [(0, 1, "person")], cats={"travel": 1.0})
    example = Example(nlp.make_doc("Ida flies"), gold)
    optimizer = nlp.initialize(lambda: [example])
    assert pipe.labels == ("travel", "person")
    with pytest.raises(ValueError, match="M961"):
        nlp.update([example], sgd=optimizer)
    assert not server.requests


def test_saved_and_loaded(serve, tmp_path):
    nlp, pipe, server = serve(workers=2)
    expected = nlp("Ida flies to Lima").to_json()
    nlp.to_disk(tmp_path)
    for loaded in (spacy.load(tmp_path), spacy.blank("en")):
        if not loaded.pipe_names:
            loaded = make_nlp(server.url)[0].from_bytes(nlp.to_bytes())
        assert loaded.get_pipe("oiellm").labels == pipe.labels
        assert loaded("Ida flies to Lima").to_json() == expected
    assert pickle.loads(pickle.dumps(pipe)).labels == pipe.labels
    assert "httpx" in " ".join(nlp.meta["requirements"])
    assert [doc.to_json() for doc in nlp.pipe(["Ida flies to Lima"] * 3, n_process=2)] == [expected] * 3


def test_workers_ask_at_the_same_time(serve):
    import threading

    nlp, _, server = serve(workers=4)
    together = threading.Barrier(4, timeout=20)

    def answer(source):
        together.wait()
        return "travel/NER/:None;"

    server.answer = answer
    assert all(doc._.generated for doc in nlp.pipe(["it rains"] * 8))
