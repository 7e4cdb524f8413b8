"""Clients that ask a server one text after the other, until the time is over.

`python -m benchmarks.serving_clients URL TEXTS SECONDS_FILE CLIENTS SECONDS`
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

import srsly

from spacy_mre.serving.client import Client, ServingError

# For each client.
MAX_REQUESTS = 100_000
# Requests with which threads and connections begin.
WARM_UP = 2


def ask(client: Client, texts: list[str], start: int, end: float) -> tuple[list[float], int]:
    """RETURNS (tuple[list[float], int]): The seconds of each request, and the number of those without an answer."""
    times, errors = [], 0
    for text in islice(cycle(texts), start, start + MAX_REQUESTS):
        begun = time.perf_counter()
        if begun > end:
            break
        try:
            client.analyse(text)
            times.append(time.perf_counter() - begun)
        except ServingError:
            errors += 1
    return times, errors


if __name__ == "__main__":
    url, given, found, count, seconds = sys.argv[1:]
    texts, clients = list(srsly.read_json(given)), int(count)
    client = Client(url, patience=0)
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(client.analyse, texts[:WARM_UP]))
        started = time.perf_counter()
        end = started + float(seconds)
        parts = list(pool.map(lambda number: ask(client, texts, number * 7, end), range(clients)))
        wall = time.perf_counter() - started
    times = [each for of_client, _ in parts for each in of_client]
    srsly.write_json(found, {"seconds": times, "errors": sum(errors for _, errors in parts), "wall": wall})
