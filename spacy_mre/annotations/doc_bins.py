"""`.spacy` files. Documents that do not fit into one become a folder of numbered files with the same name.

spaCy stores the tokens of a `.spacy` file as one value of msgpack, which has at most 2**32 - 1 bytes: some fifty
million tokens. spaCy and its corpus readers accept a folder of `.spacy` files wherever they accept one file.
"""

import gc
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from shutil import rmtree

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from ..errors import Errors
from ..files import is_left, replacing, replacing_files

MAX_BYTES = 2**32 - 1
PART = re.compile(r"(\d+)-of-(\d+)\.spacy\Z")


def write_doc_bins(doc_bins: Iterable[DocBin], path: Path) -> int:
    """Write a file; or, if there are several, a folder of files. An interruption leaves what was there before.

    doc_bins (Iterable[DocBin]): The parts.
    path (Path): The file or folder. A folder that exists must contain nothing but earlier parts and hidden
        files.
    RETURNS (int): The number of documents.
    RAISES (ValueError): If the path cannot be written.
    """
    check_replaceable(path)
    parts = iter(doc_bins)
    first = next(parts)
    second = next(parts, None)
    if second is None and not path.is_dir():
        with replacing(path) as temporary:
            first.to_disk(temporary)
        return len(first)
    with replacing_files(path, keep_others=False) as fresh:
        files, count = [], 0
        for number, doc_bin in enumerate(chain([first], [second] if second else [], parts), start=1):
            files.append(fresh / f"{number:04}")
            doc_bin.to_disk(files[-1])
            count += len(doc_bin)
        for file in files:
            file.rename(file.with_name(f"{file.name}-of-{len(files):04}.spacy"))
    return count


def check_replaceable(path: Path) -> None:
    """Check that a folder, if the path is one, contains nothing but the files of a corpus. Hidden files, such as those
    of a file manager, and what a killed process has left do not count.

    path (Path): The file or folder.
    RAISES (ValueError): If there are other files.
    """
    if path.is_dir() and not all(map(_may_be_there, path.iterdir())):
        raise ValueError(Errors.M611.format(path=path, reason="it is a folder of other files"))


def fill_doc_bins(
    docs: Iterable[Doc], add: Callable[[DocBin, Doc], None], max_bytes: int = MAX_BYTES
) -> Iterator[DocBin]:
    """Collect documents.

    docs (Iterable[Doc]): The documents.
    add (Callable[[DocBin, Doc], None]): Adds a document to a part.
    max_bytes (int): The size of the tokens at which a part is full. A document is never split.
    YIELDS (DocBin): The parts; one that is empty if there are no documents.
    """
    doc_bin = DocBin(store_user_data=True)
    size = 0
    for doc in docs:
        added = 8 * len(doc_bin.attrs) * len(doc)
        if len(doc_bin) and size + added > max_bytes:
            yield doc_bin
            doc_bin = DocBin(store_user_data=True)
            size = 0
        add(doc_bin, doc)
        size += added
    yield doc_bin


def read_doc_bins(path: Path, vocab: Vocab) -> Iterator[Doc]:
    """Read a file, or all files of a folder that `write_doc_bins` wrote.

    path (Path): The file or folder.
    vocab (Vocab): The vocabulary of the documents.
    YIELDS (Doc): The documents, in the order in which they were written.
    RAISES (ValueError): If a file is damaged, or one of the folder is missing.
    """
    for file in part_files(path) if path.is_dir() else [path]:
        yield from _read(file, vocab)


def part_files(folder: Path) -> list[Path]:
    """List the files of a folder that `write_doc_bins` wrote.

    folder (Path): The folder.
    RETURNS (list[Path]): The parts, in order.
    RAISES (ValueError): If a part is missing, or there are parts of different corpora.
    """
    parts = {file: PART.match(file.name) for file in sorted(folder.iterdir())}
    numbers = [(int(match[1]), int(match[2])) for match in parts.values() if match]
    total = max((of for _, of in numbers), default=0)
    if not numbers or numbers != [(number, total) for number in range(1, total + 1)]:
        raise ValueError(Errors.M106.format(path=folder, found=", ".join(file.name for file in parts) or "nothing"))
    return [file for file, match in parts.items() if match]


def is_folder_of_parts(path: Path) -> bool:
    """RETURNS (bool): Whether it is a folder that `write_doc_bins` has made of a large corpus."""
    files = list(path.iterdir()) if path.is_dir() else []
    return any(PART.match(file.name) for file in files) and all(map(_may_be_there, files))


def remove_parts(folder: Path) -> None:
    """Remove the files of a corpus, and the folder, if it has no hidden files of others.

    folder (Path): The folder.
    RAISES (ValueError): If there are other files; then nothing is removed.
    """
    check_replaceable(folder)
    for path in folder.iterdir():
        if is_left(path):
            rmtree(path)
        elif PART.match(path.name):
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _may_be_there(path: Path) -> bool:
    is_hidden = path.name.startswith(".") and not path.is_dir()
    return bool(PART.match(path.name)) or is_hidden or is_left(path)


@contextmanager
def _checks(path: Path) -> Iterator[None]:
    """What a damaged file leads to becomes an error that names it."""
    collects = gc.isenabled()
    try:
        yield
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as err:
        reason = f"{type(err).__name__}: {err}"
        if "E1014" in reason:  # its advice is about another kind of file
            reason = "it is not compressed" if path.stat().st_size else "it is empty"
        raise ValueError(Errors.M105.format(path=path, reason=reason)) from None
    finally:
        if collects:
            gc.enable()  # srsly leaves it disabled after an error


def _read(path: Path, vocab: Vocab) -> Iterator[Doc]:
    with _checks(path):
        docs = DocBin(store_user_data=True).from_disk(path).get_docs(vocab)
    while True:
        with _checks(path):
            doc = next(docs, None)
        if doc is None:
            return
        yield doc
