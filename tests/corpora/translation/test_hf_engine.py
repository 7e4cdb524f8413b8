"""Models in folders. Each is tiny and knows a few texts by heart, so that what it answers can be checked."""

import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import spacy
import torch
from typer.testing import CliRunner

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")

from spacy_mre.annotations.storage import load_docs, save_docs
from spacy_mre.cli import app
from spacy_mre.corpora.record import EntityRecord, Record
from spacy_mre.corpora.to_docs import make_docs
from spacy_mre.corpora.translation.cache import CachedEngine
from spacy_mre.corpora.translation.engine import NoAnswer
from spacy_mre.corpora.translation.hf_engine import HfEngine
from spacy_mre.corpora.translation.label_table import LabelTable
from spacy_mre.corpora.translation.language_codes import FLORES, find_prefix, find_token
from spacy_mre.corpora.translation.marking import mark
from spacy_mre.corpora.translation.prompts import LANGUAGES, make_messages
from spacy_mre.corpora.translation.spending import Spending
from spacy_mre.corpora.translation.translating import translate
from tests.corpora.translation.tiny_models import NO_SYSTEM, make_llama, make_m2m100, make_marian, make_nllb, make_t5
from tests.test_layout import heavy_modules

PAIRS = [
    ("仙台は雨だ。", "It rains in Sendai."),
    ("仙台", "Sendai"),
    ("京都は雪だ。", "It snows in Kyoto."),
    ("京都", "Kyoto"),
]
TABLE = LabelTable(entities={"place": "place"})
RECORDS = [Record(text, id=text, entities=[EntityRecord(0, 2, "place")]) for text, _ in PAIRS[::2]]
MARKED = [
    ("[place:a|仙台]は雨だ。", "It rains in [place:a|Sendai]."),
    ("[place:a|京都]は雪だ。", "It snows in [place:a|Kyoto]."),
]


def ask(text):
    return [{"role": "system", "content": "Translate."}, {"role": "user", "content": text}]


def prompts(mode="markers"):
    return [make_messages(mark(record, TABLE.words), "ja", "en", None, mode) for record in RECORDS]


@pytest.fixture(scope="module")
def nllb(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "nllb"
    make_nllb(folder, PAIRS)
    return folder


def translated(engine, mode):
    rows = list(translate(RECORDS, engine, TABLE, source="ja", target="en", mode=mode, workers=2))
    for row, (_, text) in zip(rows, PAIRS[::2], strict=True):
        assert row.record.text == text and row.is_kept, (row.reply, row.reasons)
        (entity,) = row.record.entities
        assert text[entity.start : entity.end] in ("Sendai", "Kyoto")
    return rows


def test_a_translation_model_translates_text_and_entities(nllb):
    engine = HfEngine(nllb, "ja", "en")
    assert engine.is_translation_model and engine.name.endswith(" ja-en")
    rows = translated(engine, "strings")
    assert [row.methods for row in rows] == [["string"]] * 2


def test_in_the_other_direction_nothing_is_known(nllb):
    with pytest.raises(ValueError, match=r"M282.*nllb does not know the language 'ko'"):
        HfEngine(nllb, "ja", "ko")
    there, back = HfEngine(nllb, "ja", "en"), HfEngine(nllb, "en", "ja")
    assert there.name != back.name
    # The language of the answer is its first token, which is no part of the text.
    assert there.answer(ask("仙台")).text == "Sendai" and back._first_token != there._first_token


@pytest.mark.parametrize("prefix", ["", ">>eng<< "])
def test_opus_mt(tmp_path, prefix):
    make_marian(tmp_path / "opus-mt", [(prefix + before, after) for before, after in PAIRS])
    engine = HfEngine(tmp_path / "opus-mt", "ja", "en")
    assert engine.is_translation_model and engine._prefix == prefix
    translated(engine, "strings")
    if prefix:
        with pytest.raises(ValueError, match="M282"):
            HfEngine(tmp_path / "opus-mt", "ja", "ko")


def test_m2m100(tmp_path):
    make_m2m100(tmp_path / "m2m100", PAIRS)
    translated(HfEngine(tmp_path / "m2m100", "ja", "en"), "strings")


def test_of_a_line_with_marks_it_translates_what_it_gets(tmp_path):
    make_nllb(tmp_path / "nllb", MARKED)
    rows = translated(HfEngine(tmp_path / "nllb", "ja", "en"), "markers")
    assert [row.methods for row in rows] == [["marker"]] * 2


def test_a_seq2seq_model_gets_all_messages(tmp_path):
    asked = ["\n\n".join(message["content"] for message in messages) for messages in prompts()]
    make_t5(tmp_path / "t5", [(prompt, line) for prompt, (_, line) in zip(asked, MARKED, strict=True)])
    engine = HfEngine(tmp_path / "t5", "ja", "en")
    assert not engine.is_translation_model and "ja-en" not in engine.name
    translated(engine, "markers")


def test_a_prefix_names_the_language(tmp_path):
    make_t5(tmp_path / "madlad", [(f"<2en> {before}", after) for before, after in PAIRS], ["<2en>", "<2ja>"])
    translated(HfEngine(tmp_path / "madlad", "ja", "en"), "strings")
    with pytest.raises(ValueError, match="M282"):
        HfEngine(tmp_path / "madlad", "ja", "ko")


@pytest.mark.parametrize("template", [None, NO_SYSTEM])
def test_a_causal_model_answers_chats(tmp_path, template):
    chats = prompts()
    if template:  # it takes no system message
        chats = [[{"role": "user", "content": "\n\n".join(one["content"] for one in chat)}] for chat in chats]
    answered = [(chat, f"<think>Hm.</think>\n{line}") for chat, (_, line) in zip(chats, MARKED, strict=True)]
    make_llama(tmp_path / "llama", answered, **({"template": template} if template else {}))
    engine = HfEngine(tmp_path / "llama", "ja", "en")
    rows = translated(engine, "markers")
    assert [row.methods for row in rows] == [["marker"]] * 2


def test_the_limit_of_tokens(nllb):
    answer = HfEngine(nllb, "ja", "en", max_tokens=4).answer(ask("仙台は雨だ。"))
    # One of the four is the language.
    assert answer.is_truncated and answer.completion_tokens == 3 and "It rains in Sendai.".startswith(answer.text)
    whole = HfEngine(nllb, "ja", "en").answer(ask("仙台は雨だ。"))
    assert not whole.is_truncated and whole.prompt_tokens > 0 and whole.completion_tokens > 4


def test_a_text_that_is_too_long_is_not_cut(nllb):
    engine = HfEngine(nllb, "ja", "en")
    with ThreadPoolExecutor(2) as pool:
        long, short = (pool.submit(engine.answer, ask(text)) for text in ("xyz" * 100, "仙台"))
        with pytest.raises(NoAnswer, match=r"too long: \d+ tokens, and the model reads at most 200"):
            long.result()
        assert short.result().text == "Sendai"


def test_threads_are_one_batch(nllb, monkeypatch):
    engine = HfEngine(nllb, "ja", "en")
    sizes, generate = [], engine._model.generate
    monkeypatch.setattr(
        engine._model, "generate", lambda texts, first: sizes.append(len(texts)) or generate(texts, first)
    )
    texts = [before for before, _ in PAIRS] * 4
    with ThreadPoolExecutor(8) as pool:
        answers = [answer.text for answer in pool.map(engine.answer, map(ask, texts))]
    assert answers == [after for _, after in PAIRS] * 4
    assert sum(sizes) == 16 and max(sizes) >= 4


def test_a_fault_ends_all_that_wait(nllb, monkeypatch):
    def fail(texts, first):
        raise RuntimeError("out of memory")

    engine = HfEngine(nllb, "ja", "en")
    monkeypatch.setattr(engine._model, "generate", fail)
    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(engine.answer, ask("仙台")) for _ in range(4)]:
            with pytest.raises(RuntimeError, match="out of memory"):
                future.result(timeout=30)


def test_too_little_memory_is_told(nllb, monkeypatch):
    def fail(**inputs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    engine = HfEngine(nllb, "ja", "en")
    monkeypatch.setattr(engine._model._model, "generate", fail)
    with pytest.raises(ValueError, match=r"M283.* for 1 texts at a time.*--workers"):
        engine.answer(ask("仙台"))


def test_it_is_cached_and_counted(nllb, tmp_path):
    engine = HfEngine(nllb, "ja", "en")
    paid = Spending(engine)
    for calls, hits in [(1, 1), (0, 2)]:
        with CachedEngine(paid, tmp_path / "answers.sqlite") as cached:
            assert [cached.answer(ask("仙台")).text for _ in range(2)] == ["Sendai"] * 2
            assert (cached.calls, cached.hits) == (calls, hits)
    answer = engine.answer(ask("仙台"))
    assert (paid.prompt_tokens, paid.completion_tokens) == (answer.prompt_tokens, answer.completion_tokens)


def test_another_model_has_another_name(nllb, tmp_path):
    make_nllb(tmp_path / "nllb", PAIRS[:2])
    assert HfEngine(tmp_path / "nllb", "ja", "en").name != HfEngine(nllb, "ja", "en").name


def test_what_cannot_be_loaded(tmp_path):
    with pytest.raises(ValueError, match=r"M281.*empty"):
        (tmp_path / "empty").mkdir()
        HfEngine(tmp_path / "empty", "ja", "en")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "config.json").write_text(
        json.dumps({"model_type": "own", "auto_map": {"AutoConfig": "own.C"}})
    )
    (tmp_path / "code" / "own.py").write_text("raise SystemExit('code of a folder was run')")
    with pytest.raises(ValueError, match="M281"):
        HfEngine(tmp_path / "code", "ja", "en")
    make_llama(tmp_path / "llama", [(ask("a"), "b")], template=None)
    with pytest.raises(ValueError, match=r"M281.*no chat template"):
        HfEngine(tmp_path / "llama", "ja", "en")


def test_the_command(nllb, tmp_path):
    docs = make_docs(RECORDS, spacy.blank("ja"))
    save_docs(docs, tmp_path / "train.spacy")
    (tmp_path / "labels.json").write_text('{"entities": {"place": "place"}}')
    arguments = [
        "translate",
        tmp_path / "train.spacy",
        tmp_path / "out",
        "--from",
        "ja",
        "--to",
        "en",
        "--mode",
        "strings",
    ]
    arguments += ["--labels", tmp_path / "labels.json", "--engine", "hf", "--model", nllb]
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == 0 and "2 asked, 0 known" in result.output, result.output
    assert [doc.text for doc in load_docs(tmp_path / "out" / "train.spacy")] == [text for _, text in PAIRS[::2]]
    again = CliRunner().invoke(app, [str(one) for one in arguments])
    assert again.exit_code == 0 and "0 asked, 2 known" in again.output
    back = CliRunner().invoke(app, [str(one) for one in [*arguments, "--check-sample", 1]])
    assert back.exit_code == 2 and "follows prompts" in back.output


def test_transformers_is_loaded_with_the_model():
    assert heavy_modules("spacy", "spacy_mre.corpora.translation.hf_engine") == heavy_modules("spacy")


def test_transformers_is_an_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ValueError, match=r"M280.*spacy-mre\[generative\]"):
        HfEngine(tmp_path, "ja", "en")


def test_settings_for_sampling_are_passed_over(nllb, tmp_path):
    folder = shutil.copytree(nllb, tmp_path / "nllb")
    path = folder / "generation_config.json"
    settings = {**json.loads(path.read_text()), "do_sample": True, "temperature": 9.0, "top_k": 5, "top_p": 0.9}
    path.write_text(json.dumps(settings))
    engine = HfEngine(folder, "ja", "en")
    assert {engine.answer(ask("仙台は雨だ。")).text for _ in range(5)} == {"It rains in Sendai."}


def test_names_of_languages():
    from transformers.models.nllb.tokenization_nllb_fast import FAIRSEQ_LANGUAGE_CODES

    assert set(FLORES) == set(LANGUAGES) and set(FLORES.values()) <= set(FAIRSEQ_LANGUAGE_CODES)
    assert find_token("zh", {"zh_CN"}) == "zh_CN" and find_token("ja", {"ja_XX"}) == "ja_XX"
    assert find_token("ja", {"en_XX"}) is None and find_prefix("ja", {">>eng<<"}) is None
