"""The command `label`."""

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markdown import Markdown
from spacy.tokens import Doc
from spacy.util import get_lang_class

from ..annotations.entities import DEFAULT_KEY
from ..corpora.translation.cache import CachedEngine
from ..corpora.translation.chat_completion import MAX_TOKENS
from ..corpora.translation.engine import Message
from ..corpora.translation.http_client import describe_retries
from ..corpora.translation.http_engine import HttpEngine
from ..corpora.translation.kept_answers import KeptAnswers
from ..corpora.translation.replay_engine import ReplayEngine, write_prompts
from ..corpora.translation.spending import Spending, count_letters, count_tokens
from ..errors import Errors
from ..files import check_can_write
from ..pipeline.generative.silver.examples import choose_shots, make_form, read_words
from ..pipeline.generative.silver.form import SilverForm
from ..pipeline.generative.silver.labelling import label
from ..pipeline.generative.silver.prompts import make_chat
from ..pipeline.generative.silver.results import CORPUS, MARKDOWN, REPORT, ROWS, write_results
from ..pipeline.generative.silver.row import Reason
from ..pipeline.generative.silver.sampling import TEMPERATURE, NumberedEngine, sample_name
from ..pipeline.generative.silver.voting import samples_needed
from .app import app
from .common import SpansKey, counted, load_nlp, read_docs, show_progress
from .interrupts import ending_at_once
from .locks import alone_in
from .raw_texts import read_raw_texts
from .translate import CACHE


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
        Path, typer.Option(help="A .spacy file of annotated texts. Its labels are all that there are.", exists=True)
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
    base_url: Annotated[str, typer.Option(help="The address of the server, up to /v1.")] = "https://api.openai.com/v1",
    model: Annotated[str | None, typer.Option(help="The name of the model at the server.")] = None,
    key_env: Annotated[
        str, typer.Option(metavar="VAR", help="The environment variable with the key.")
    ] = "OPENAI_API_KEY",
    answers: Annotated[
        list[Path] | None,
        typer.Option(help="The output of a batch service, for --engine replay. Once for each sample.", exists=True),
    ] = None,
    shots: Annotated[int, typer.Option(min=0, help="Examples that the model is shown.")] = 5,
    samples: Annotated[
        int | None,
        typer.Option(min=1, help="How often each text is asked about. Default: 1, or the number of --answers."),
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
    max_tokens: Annotated[int, typer.Option(min=1, help="The limit of tokens of an answer.")] = MAX_TOKENS,
    limit: Annotated[int | None, typer.Option(min=1, help="Label the first so many texts.")] = None,
    budget: Annotated[float | None, typer.Option(min=0.0, help="Ask nothing more when so much was spent.")] = None,
    price_in: Annotated[float, typer.Option(min=0.0, help="The price of a million tokens of prompts.")] = 0.0,
    price_out: Annotated[float, typer.Option(min=0.0, help="The price of a million tokens of answers.")] = 0.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell the number of texts, tokens and the cost.")
    ] = False,
    prompts: Annotated[
        Path | None,
        typer.Option(help="Only write a batch file with the prompts for --model that have no answer yet."),
    ] = None,
    spans_key: SpansKey = DEFAULT_KEY,
) -> None:
    """Annotate raw texts with a language model, to train a pipeline on them. The same command again goes on after an
    interruption, and asks nothing twice."""
    check_can_write(output, folder=True)
    sources = [source, examples, *(answers or ()), *([labels] if labels else ())]
    for file in (*(output / name for name in (CORPUS, ROWS, REPORT, MARKDOWN, CACHE)), *([prompts] if prompts else ())):
        check_can_write(file, sources=sources)
    get_lang_class(lang)  # refuses an unknown one before anything is paid
    if budget and not (price_in or price_out):
        raise typer.BadParameter("--budget needs prices: --price-in, --price-out, or both")
    if prompts is not None and model is None:
        raise typer.BadParameter("--prompts needs the name of the model: --model NAME")
    only_prompts = dry_run or prompts is not None
    asked_samples = _count_samples(samples, answers or [], is_replay=engine == "replay", only_prompts=only_prompts)
    shown = read_docs(examples, spans_key=spans_key)
    words = None if labels is None else read_words(labels, lang)
    form = make_form(shown, lang, words=words, spans_key=spans_key)
    pairs = choose_shots(shown, form, shots, spans_key=spans_key)
    texts = list(islice(read_raw_texts(source), limit))
    if not texts:
        raise ValueError(Errors.M610.format(path=source, what="texts"))
    warmth = (TEMPERATURE if asked_samples > 1 else 0.0) if temperature is None else temperature
    replays = [ReplayEngine(path) for path in answers or ()]
    with ExitStack() as stack:
        kept = []
        for number in range(1, asked_samples + 1):
            replay = None if prompts is not None or number > len(replays) else replays[number - 1]
            name = sample_name(model, warmth, number) if model else ""
            one = KeptAnswers(replay, model=name, cache=output / CACHE, max_tokens=max_tokens)
            kept.append(stack.enter_context(one))
        if only_prompts:
            chats = [make_chat(one.text, form, pairs) for one in texts if one.text.strip()]
            if prompts is None:
                of_samples = [[chat for chat in chats if not one.has(chat)] for one in kept]
                _estimate(of_samples, _usual_tokens(shown, form, spans_key), price_in, price_out)
                return
            # The answers to a batch are one sample, whose number is not known yet.
            is_known = (any(one.has(chat) for one in replays) or all(one.has(chat) for one in kept) for chat in chats)
            missing = [chat for chat, known in zip(chats, is_known, strict=True) if not known]
            # The next batch goes without the options that this one refused.
            left_out = set[str]().union(*(replay.left_out for replay in replays))
            count = write_prompts(
                missing,
                prompts,
                model or "",
                max_tokens=max_tokens,
                temperature=warmth,
                is_plain=True,
                left_out=left_out,
            )
            others = f"; {len(chats) - len(missing)} have an answer" if len(missing) < len(chats) else ""
            typer.echo(f"{counted(count, 'prompt')} in {prompts}{others}")
            return
        tokenizer = load_nlp(lang, nlp)
        made: list[CachedEngine] = []
        retries: Counter[str] = Counter()
        if engine == "replay":
            paid = [Spending(one) for one in kept]
            # Answers of a file can be corrected there, so they are not kept.
            made = [CachedEngine(one, Path(":memory:")) for one in paid]
        else:
            if model is None:
                raise typer.BadParameter("--engine openai needs the name of the model: --model NAME")
            # In JSON the backslashes of the strings would be doubled.
            key = os.environ.get(key_env, "")
            asks = HttpEngine(base_url, model, key=key, max_tokens=max_tokens, temperature=warmth, is_plain=True)
            typer.echo(f"Texts go to {base_url}", err=True)
            retries = asks.retries
            paid = [Spending(asks, budget, price_in, price_out)]
            for number in range(1, asked_samples + 1):
                sample = NumberedEngine(paid[0], warmth, number)
                made.append(CachedEngine(sample, output / CACHE, max_tokens=max_tokens))
        stack.enter_context(alone_in(output))
        for cached in made:
            stack.enter_context(cached)
        with ending_at_once():
            make_doc = tokenizer.make_doc
            found = label(texts, made, form, shots=pairs, agreement=agreement, make_doc=make_doc, workers=workers)
            rows = list(show_progress(found, "Labelling", total=len(texts)))
        report = write_results(output, rows, tokenizer, needed=samples_needed(asked_samples, agreement))
    console = Console()
    console.print(Markdown((output / MARKDOWN).read_text(encoding="utf8")))
    if report.lost:
        console.print(report.table())
    calls, hits = sum(cached.calls for cached in made), sum(cached.hits for cached in made)
    costs = f"; {paid[0].describe()}" if engine == "openai" else ""
    typer.echo(f"{calls} asked, {hits} known{costs}{describe_retries(retries)}")
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


def _usual_tokens(examples: Sequence[Doc], form: SilverForm, spans_key: str) -> int | None:
    """About the tokens of an answer, by the right answers to the examples; None if none is annotated completely."""
    targets = [target for doc in examples if (target := form.target(doc, spans_key)) is not None]
    return -(-sum(map(count_letters, targets)) // len(targets)) if targets else None


def _estimate(
    of_samples: Sequence[Sequence[Sequence[Message]]], usual: int | None, price_in: float, price_out: float
) -> None:
    """Tell what a run would read, write and cost. Without a usual answer, one is about as long as its text."""
    chats = [chat for asked in of_samples for chat in asked]
    read = sum(map(count_tokens, chats))
    written = sum(count_letters(chat[-1]["content"]) if usual is None else usual for chat in chats)
    cost = (read * price_in + written * price_out) / 1e6
    most = max(map(len, of_samples), default=0)
    typer.echo(
        f"{counted(most, 'text')}, {counted(len(of_samples), 'sample')} of each: about {read:,} tokens to read and "
        f"{written:,} to write, for {cost:.2f}"
    )
