"""What Prometheus reads from the server."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
# Why requests are refused: the queue is full, the time is over, and so on.
REASONS = ("full", "timeout", "size", "token", "origin", "not_ready", "stopping")
# What became of a text.
OUTCOMES = ("ok", "error")


class Metrics:
    """The counts of one server."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "spacy_mre_requests", "Requests that were answered.", ["path", "status"], registry=registry
        )
        self.seconds = Histogram(
            "spacy_mre_request_seconds", "Time of a request.", ["path"], buckets=SECONDS, registry=registry
        )
        self.texts = Counter("spacy_mre_texts", "Texts that were read.", ["model", "outcome"], registry=registry)
        self.batches = Histogram(
            "spacy_mre_batch_texts", "Texts that were analysed together.", ["model"], buckets=TEXTS, registry=registry
        )
        self.waiting = Gauge("spacy_mre_queue_texts", "Texts that wait.", ["model"], registry=registry)
        self.rejected = Counter("spacy_mre_rejected", "Requests that were refused.", ["reason"], registry=registry)
        for reason in REASONS:
            self.rejected.labels(reason)

    def watch(self, model: str, count_waiting: Callable[[], int]) -> None:
        """Show the values of a pipeline from the start, not only after its first text.

        model (str): Its name.
        count_waiting (Callable[[], int]): Returns the number of texts that wait.
        """
        for outcome in OUTCOMES:
            self.texts.labels(model, outcome)
        self.batches.labels(model)
        self.waiting.labels(model).set_function(count_waiting)

    def read(self) -> bytes:
        """RETURNS (bytes): All values, in Prometheus' text format."""
        return generate_latest(self._registry)
