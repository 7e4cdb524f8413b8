"""The command `translate`."""

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import typer
from spacy.util import get_lang_class

from ..annotations.entities import DEFAULT_KEY
from ..corpora.from_docs import make_records, note_other_groups
from ..corpora.report import Report
from ..corpora.translation.back import check_back, load_metric
from ..corpora.translation.cache import CachedEngine
from ..corpora.translation.chat_completion import MAX_TOKENS
from ..corpora.translation.engine import Engine
from ..corpora.translation.hf_engine import HfEngine
from ..corpora.translation.kept_answers import KeptAnswers
from ..corpora.translation.label_table import read_label_table
from ..corpora.translation.marking import mark
from ..corpora.translation.prompts import make_messages, read_example
from ..corpora.translation.replay_engine import ReplayEngine
from ..corpora.translation.results import MARKDOWN, NAMES, About, write_results
from ..corpora.translation.row import Reason
from ..corpora.translation.spending import Spending, count_tokens
from ..corpora.translation.translating import translate
from ..files import check_can_write
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
from .common import SpansKey, counted, load_nlp, show_progress, stream_docs, use_gpu
from .interrupts import ending_at_once
from .locks import alone_in


@app.command("translate")
def translate_cli(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The .spacy file to translate.", exists=True)],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.", file_okay=False)],
    from_lang: Annotated[str, typer.Option("--from", help="The language of the texts: ja, en, ...")],
    to_lang: Annotated[str, typer.Option("--to", help="The language to translate into.")],
    labels: Annotated[
        Path,
        typer.Option(help="A JSON file with every label: its words in the languages, or what it becomes.", exists=True),
    ],
    engine: Annotated[
        Literal["openai", "hf", "replay"],
        typer.Option(
            help="A server with the interface of OpenAI; a model of Hugging Face in a folder (--model); or answers "
            "of a batch service (--answers)."
        ),
    ] = "openai",
    base_url: BaseUrl = OPENAI,
    model: Annotated[
        str | None, typer.Option(help="The name of the model at the server; or its folder, for --engine hf.")
    ] = None,
    key_env: KeyVariable = KEY,
    answers: Annotated[
        list[Path] | None,
        typer.Option(
            help="The output of a batch service, for --engine replay. Repeat it for several files.", exists=True
        ),
    ] = None,
    example: Annotated[
        Path | None,
        typer.Option(help="A .mre file whose first text is shown to the model, in both languages.", exists=True),
    ] = None,
    mode: Annotated[
        Literal["markers", "strings"],
        typer.Option(help="Mark the entities in the text, or list them and look for them in the translation."),
    ] = "markers",
    nlp: Annotated[
        str | None, typer.Option(help="A config, package or folder that tokenizes the translation. Default: by --to.")
    ] = None,
    gpu_id: Annotated[int, typer.Option("--gpu-id", "-g", help="The GPU, or -1 for the CPU, for --engine hf.")] = -1,
    workers: Annotated[int, typer.Option(min=1, help="Texts that are translated at the same time.")] = 8,
    max_tokens: MaxTokens = MAX_TOKENS,
    limit: Annotated[int | None, typer.Option(min=1, help="Translate only the first N texts.")] = None,
    budget: Budget = None,
    price_in: PriceIn = 0.0,
    price_out: PriceOut = 0.0,
    dry_run: DryRun = False,
    prompts: Prompts = None,
    check_sample: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="The share of kept texts that are translated back, to compare.")
    ] = 0.0,
    spans_key: SpansKey = DEFAULT_KEY,
) -> None:
    """Translate an annotated corpus with a language model. After an interruption, the same command resumes, and asks
    nothing twice."""
    check_can_write(output, folder=True)
    sources = [source, labels, *(answers or ()), *([example] if example else ())]
    check_can_write(output / source.name, folder=source.is_dir(), sources=[source])
    for file in (*(output / name for name in (CACHE, *NAMES)), *([prompts] if prompts else ())):
        check_can_write(file, sources=sources)
    if source.suffix != ".spacy":
        raise typer.BadParameter(f"IN must be a .spacy file, not {source.name}")
    if source.name in (CACHE, *NAMES):
        raise typer.BadParameter(f"{source.name} is the name of another file that is written. Rename the input")
    for lang in (from_lang, to_lang):
        get_lang_class(lang)  # refuses an unknown one before anything is paid
    if from_lang == to_lang:
        raise typer.BadParameter("--from and --to are the same language")
    check_budget(budget, price_in, price_out)
    if check_sample:
        load_metric()  # before anything is paid
    read = Report()
    docs = note_other_groups(islice(stream_docs(source), limit), spans_key, read)
    records = list(make_records(docs, spans_key=spans_key, report=read))
    table = read_label_table(labels, to_lang)
    table.check(records)
    shown = None if example is None else read_example(example, from_lang, to_lang, table)
    if prompts is not None and model is None:
        raise typer.BadParameter("--prompts needs the model of the batch: --model NAME")
    if answers and engine != "replay" and not dry_run and prompts is None:
        raise typer.BadParameter("--answers are for --engine replay, or --prompts")
    replay = ReplayEngine(*answers) if answers else None
    kept = KeptAnswers(replay, model=model or "", cache=output / CACHE, max_tokens=max_tokens)
    if dry_run or prompts is not None:
        marked = [mark(one, table.words) for one in records if one.text.strip()]
        chats = each_once(make_messages(one, from_lang, to_lang, shown, mode) for one in marked)
        with kept:
            asked = [messages for messages in chats if not kept.has(messages)]
        if prompts is not None and model is not None:
            left_out = replay.left_out if replay is not None else ()
            known = len(chats) - len(asked)
            write_missing(asked, prompts, model, known=known, max_tokens=max_tokens, left_out=left_out)
        else:
            # An answer is about as long as the text that it translates.
            written = sum(count_tokens(messages[-1:]) for messages in asked)
            tell_estimate(counted(len(asked), "text"), asked, written, price_in=price_in, price_out=price_out)
        return
    pipeline = load_nlp(to_lang, nlp)
    asks: Engine
    retries: Counter[str] = Counter()
    if engine == "replay":
        if replay is None:
            raise typer.BadParameter("--engine replay needs the file of the answers: --answers FILE")
        asks = kept
    elif model is None:
        raise typer.BadParameter(f"--engine {engine} needs the model: --model {'FOLDER' if engine == 'hf' else 'NAME'}")
    elif engine == "hf":
        use_gpu(gpu_id)
        asks = HfEngine(Path(model), from_lang, to_lang, gpu=gpu_id, max_tokens=max_tokens)
        if check_sample and asks.is_translation_model:
            raise typer.BadParameter("--check-sample needs a model that follows prompts: this one has one direction")
    else:
        asks = open_server(base_url, model, key_env, max_tokens=max_tokens)
        retries = asks.retries
    paid = Spending(asks, budget, price_in, price_out)
    # Answers of a file can be corrected there, so they are not kept.
    cache = Path(":memory:") if engine == "replay" else output / CACHE
    with alone_in(output), kept, CachedEngine(paid, cache, max_tokens=max_tokens) as cached:
        with ending_at_once():
            made = translate(
                records, cached, table, source=from_lang, target=to_lang, example=shown, mode=mode, workers=workers
            )
            rows = list(show_progress(made, "Translating", total=len(records)))
            about = About(source.name, from_lang, to_lang, cached.name, mode, nlp or "")
            back = None
            if check_sample:
                back = check_back(
                    rows,
                    cached,
                    table,
                    source=from_lang,
                    target=to_lang,
                    share=check_sample,
                    mode=mode,
                    workers=workers,
                )
        report = write_results(output, rows, about, table, pipeline, back=back)
    show_reports(output / MARKDOWN, read, report)
    tell_costs([cached], paid, retries)
    typer.echo(f"{counted(sum(row.is_kept for row in rows), 'document')} of {len(rows)} in {output / source.name}")
    unanswered = sum(Reason.NO_ANSWER in row.reasons or Reason.BUDGET_SPENT in row.reasons for row in rows)
    if unanswered:
        typer.echo(f"{counted(unanswered, 'text')} without an answer. The same command asks for them again.", err=True)
        raise typer.Exit(1)
