"""The command `label`."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from spacy.tokens import Doc
from spacy.util import get_lang_class

from ..annotations.entities import DEFAULT_KEY
from ..corpora.translation.cache import CachedEngine
from ..corpora.translation.chat_completion import MAX_TOKENS
from ..corpora.translation.engine import Message
from ..corpora.translation.kept_answers import KeptAnswers
from ..corpora.translation.label_table import read_label_words
from ..corpora.translation.replay_engine import ReplayEngine
from ..corpora.translation.spending import Spending, count_letters
from ..errors import Errors
from ..files import check_can_write
from ..pipeline.generative.silver.examples import choose_shots, make_form
from ..pipeline.generative.silver.form import SilverForm
from ..pipeline.generative.silver.labelling import label
from ..pipeline.generative.silver.prompts import make_chat
from ..pipeline.generative.silver.results import CORPUS, MARKDOWN, REPORT, ROWS, write_results
from ..pipeline.generative.silver.row import Reason
from ..pipeline.generative.silver.sampling import TEMPERATURE, NumberedEngine, sample_name
from ..pipeline.generative.silver.voting import samples_needed
from .app import app
from .asking import (
    CACHE,
    KEY,
    OPENAI,
    BaseUrl,
    Budget,
    DryRun,
    KeyVariable,
    MaxTokens,
    PriceIn,
    PriceOut,
    Prompts,
    check_budget,
    each_once,
    open_server,
    show_reports,
    tell_costs,
    tell_estimate,
    write_missing,
)
from .common import SpansKey, counted, load_nlp, read_docs, show_progress
from .interrupts import ending_at_once
from .locks import alone_in
from .raw_texts import read_raw_texts


@app.command("label")
def label_cli(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="TEXTS", help="A .txt (one text per line), .jsonl (field 'text') or .spacy file.", exists=True
        ),
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.", file_okay=False)],
    examples: Annotated[
        Path, typer.Option(help="A .spacy file of annotated texts. No other labels are used.", exists=True)
    ],
    lang: Annotated[str, typer.Option(help="The language of the texts: ja, en, ...")],
    labels: Annotated[
        Path | None,
        typer.Option(help="A JSON file with the words of all labels, which the model reads and writes.", exists=True),
    ] = None,
    engine: Annotated[
        Literal["openai", "replay"],
        typer.Option(help="A server with the interface of OpenAI; or answers from files (--answers)."),
    ] = "openai",
    base_url: BaseUrl = OPENAI,
    model: Annotated[str | None, typer.Option(help="The name of the model at the server.")] = None,
    key_env: KeyVariable = KEY,
    answers: Annotated[
        list[Path] | None,
        typer.Option(help="The output of a batch service, for --engine replay. Once for each sample.", exists=True),
    ] = None,
    shots: Annotated[int, typer.Option(min=0, help="Examples that the model is shown.")] = 5,
    samples: Annotated[
        int | None,
        typer.Option(min=1, help="How many times each text is asked about. Default: 1, or the number of --answers."),
    ] = None,
    agreement: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="The share of samples that must have an annotation. Default: more than half."
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(min=0.0, help=f"The temperature. Default: {TEMPERATURE}, or 0 for a single sample."),
    ] = None,
    nlp: Annotated[
        str | None, typer.Option(help="A config, package or folder that tokenizes the texts. Default: by --lang.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Answers that are waited for at the same time.")] = 8,
    max_tokens: MaxTokens = MAX_TOKENS,
    limit: Annotated[int | None, typer.Option(min=1, help="Label only the first N texts.")] = None,
    budget: Budget = None,
    price_in: PriceIn = 0.0,
    price_out: PriceOut = 0.0,
    dry_run: DryRun = False,
    prompts: Prompts = None,
    spans_key: SpansKey = DEFAULT_KEY,
) -> None:
    """Annotate raw texts with a language model, to train a pipeline on them. After an interruption, the same command
    resumes, and asks nothing twice."""
    check_can_write(output, folder=True)
    sources = [source, examples, *(answers or ()), *([labels] if labels else ())]
    for file in (*(output / name for name in (CORPUS, ROWS, REPORT, MARKDOWN, CACHE)), *([prompts] if prompts else ())):
        check_can_write(file, sources=sources)
    get_lang_class(lang)  # refuses an unknown one before anything is paid
    check_budget(budget, price_in, price_out)
    if prompts is not None and model is None:
        raise typer.BadParameter("--prompts needs the name of the model: --model NAME")
    only_prompts = dry_run or prompts is not None
    asked_samples = _count_samples(samples, answers or [], is_replay=engine == "replay", only_prompts=only_prompts)
    shown = read_docs(examples, spans_key=spans_key)
    words = None if labels is None else read_label_words(labels, lang)
    form = make_form(shown, lang, words=words, spans_key=spans_key)
    pairs = choose_shots(shown, form, shots, spans_key=spans_key)
    texts = list(islice(read_raw_texts(source), limit))
    if not texts:
        raise ValueError(Errors.M610.format(path=source, what="texts"))
    warmth = (TEMPERATURE if asked_samples > 1 else 0.0) if temperature is None else temperature
    # In JSON the backslashes of the strings would be doubled.
    options: dict[str, Any] = {"max_tokens": max_tokens, "temperature": warmth, "is_plain": True}
    replays = [ReplayEngine(path) for path in answers or ()]
    with ExitStack() as stack:
        kept = []
        for number in range(1, asked_samples + 1):
            replay = None if prompts is not None or number > len(replays) else replays[number - 1]
            name = sample_name(model, warmth, number) if model else ""
            one = KeptAnswers(replay, model=name, cache=output / CACHE, max_tokens=max_tokens)
            kept.append(stack.enter_context(one))
        if only_prompts:
            chats = each_once(make_chat(one.text, form, pairs) for one in texts if one.text.strip())
            if prompts is None:
                asked = [[chat for chat in chats if not one.has(chat)] for one in kept]
                _estimate(asked, _usual_tokens(shown, form, spans_key), price_in, price_out)
            else:
                missing = _without_answer(chats, replays, kept, max_tokens)
                # The next batch goes without the options that this one refused.
                left_out = set[str]().union(*(replay.left_out for replay in replays))
                known = len(chats) - len(missing)
                write_missing(missing, prompts, model or "", known=known, left_out=left_out, **options)
            return
        tokenizer = load_nlp(lang, nlp)
        made: list[CachedEngine] = []
        paid: Spending | None = None
        retries: Counter[str] = Counter()
        if engine == "replay":
            # Answers of a file can be corrected there, so they are not kept.
            made = [CachedEngine(one, Path(":memory:")) for one in kept]
        else:
            if model is None:
                raise typer.BadParameter("--engine openai needs the name of the model: --model NAME")
            asks = open_server(base_url, model, key_env, **options)
            retries = asks.retries
            paid = Spending(asks, budget, price_in, price_out)
            for number in range(1, asked_samples + 1):
                sample = NumberedEngine(paid, warmth, number)
                made.append(CachedEngine(sample, output / CACHE, max_tokens=max_tokens))
        stack.enter_context(alone_in(output))
        for cached in made:
            stack.enter_context(cached)
        with ending_at_once():
            make_doc = tokenizer.make_doc
            found = label(texts, made, form, shots=pairs, agreement=agreement, make_doc=make_doc, workers=workers)
            rows = list(show_progress(found, "Labelling", total=len(texts)))
        report = write_results(output, rows, tokenizer, needed=samples_needed(asked_samples, agreement))
    show_reports(output / MARKDOWN, report)
    tell_costs(made, paid, retries)
    typer.echo(f"{counted(sum(row.is_kept for row in rows), 'text')} of {len(rows)} in {output / CORPUS}")
    faults = [sample.fault.reason for row in rows for sample in row.samples if sample.fault is not None]
    unanswered = sum(reason in (Reason.NO_ANSWER, Reason.BUDGET_SPENT) for reason in faults)
    if unanswered:
        typer.echo(f"{counted(unanswered, 'prompt')} without an answer. The same command asks again.", err=True)
        raise typer.Exit(1)


def _count_samples(samples: int | None, answers: Sequence[Path], *, is_replay: bool, only_prompts: bool) -> int:
    """The number of samples, which is that of the files of answers, if there are any."""
    if len({one.resolve() for one in answers}) < len(answers):
        raise typer.BadParameter("--answers has the same file twice, which is one sample")
    if only_prompts:
        # The prompts of one sample are completed.
        if len(answers) > 1:
            raise typer.BadParameter("--prompts and --dry-run take the --answers of one sample")
        return samples or 1
    if answers and not is_replay:
        raise typer.BadParameter("--answers are for --engine replay, or --prompts")
    if is_replay and not answers:
        raise typer.BadParameter("--engine replay needs the files of the answers: --answers FILE")
    if answers and samples not in (None, len(answers)):
        raise typer.BadParameter(f"--samples is {samples}, but --answers has {len(answers)}")
    return len(answers) or samples or 1


def _without_answer(
    chats: Sequence[Sequence[Message]],
    replays: Sequence[ReplayEngine],
    kept: Sequence[KeptAnswers],
    max_tokens: int,
) -> list[Sequence[Message]]:
    """The chats to ask in a batch. Its answers are one sample, whose number is not known yet: one file of answers that
    has the chat is enough, or else all samples must have it."""
    return [
        chat
        for chat in chats
        if not any(one.has(chat, max_tokens) for one in replays) and not all(one.has(chat) for one in kept)
    ]


def _usual_tokens(examples: Sequence[Doc], form: SilverForm, spans_key: str) -> int | None:
    """About the tokens of an answer, by the right answers to the examples; None if none is annotated completely."""
    targets = [target for doc in examples if (target := form.target(doc, spans_key)) is not None]
    return -(-sum(map(count_letters, targets)) // len(targets)) if targets else None


def _estimate(
    of_samples: Sequence[Sequence[Sequence[Message]]], usual: int | None, price_in: float, price_out: float
) -> None:
    """Tell what a run would read, write and cost. Without a usual answer, one is about as long as its text."""
    chats = [chat for asked in of_samples for chat in asked]
    written = sum(count_letters(chat[-1]["content"]) if usual is None else usual for chat in chats)
    most = max(map(len, of_samples), default=0)
    what = f"{counted(most, 'text')}, {counted(len(of_samples), 'sample')} of each"
    tell_estimate(what, chats, written, price_in=price_in, price_out=price_out)
