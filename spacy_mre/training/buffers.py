"""How many documents a component reads ahead: so many, but never so many tokens that their vectors fill the memory."""

from collections.abc import Iterable, Iterator

from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc

# At 384 numbers a token these are 75 MB, at 1024 they are 200 MB.
MAX_BUFFERED_TOKENS = 50_000


def buffered(stream: Iterable[Doc], batch_size: int, max_tokens: int = MAX_BUFFERED_TOKENS) -> Iterator[list[Doc]]:
    """Read a stream in buffers.

    stream (Iterable[Doc]): The documents.
    batch_size (int): The most documents in a buffer.
    max_tokens (int): A buffer that has so many tokens is given out; one longer document may stand in it.
    YIELDS (List[Doc]): The buffers.
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
    """A trainable component that bounds its buffer by tokens as well as documents."""

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
