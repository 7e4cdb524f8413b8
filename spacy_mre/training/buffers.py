"""Documents are buffered by number and by tokens, so that the vectors of a buffer never fill the memory."""

from collections.abc import Iterable, Iterator

from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc

# With vectors of 384 numbers these need 75 MB, with 1024 numbers 200 MB.
MAX_BUFFERED_TOKENS = 50_000


def buffered(stream: Iterable[Doc], batch_size: int, max_tokens: int = MAX_BUFFERED_TOKENS) -> Iterator[list[Doc]]:
    """Split a stream into buffers.

    stream (Iterable[Doc]): The documents.
    batch_size (int): The most documents in a buffer.
    max_tokens (int): A buffer is full when it has this many tokens; its last document may exceed it.
    YIELDS (list[Doc]): The buffers.
    """
    docs: list[Doc] = []
    tokens = 0
    for doc in stream:
        docs.append(doc)
        tokens += len(doc)
        if len(docs) >= batch_size or tokens >= max_tokens:
            yield docs
            docs, tokens = [], 0
    if docs:
        yield docs


class BufferedPipe(TrainablePipe):
    """A trainable component whose buffer is limited by tokens as well as by documents."""

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Apply the component to a stream of documents.

        stream (Iterable[Doc]): The documents.
        batch_size (int): The most documents to buffer.
        YIELDS (Doc): The documents, in order.
        """
        handle_error = self.get_error_handler()
        for docs in buffered(stream, batch_size):
            try:
                self.set_annotations(docs, self.predict(docs))
                yield from docs
            except Exception as e:
                handle_error(self.name, self, docs, e)
