"""What a server is compared with: an application that calls `nlp(text)` for each request in the threads of FastAPI.

`python -m benchmarks.serving_plain MODEL THREADS`
"""

import sys
from typing import Any

import torch
import uvicorn
from fastapi import FastAPI
from spacy.util import load_model

from spacy_mre.evaluation.pipeline_settings import get_spans_key
from spacy_mre.scale.analysis import read_analysis
from spacy_mre.serving.server import listen, url_of

if __name__ == "__main__":
    model, threads = sys.argv[1], int(sys.argv[2])
    if threads:
        torch.set_num_threads(threads)
    nlp = load_model(model)
    spans_key = get_spans_key(nlp)
    app = FastAPI()

    # Without `async`, so FastAPI calls it in one of its threads.
    @app.post("/analyse")
    def analyse(body: dict[str, Any]) -> dict[str, Any]:
        return {"results": [read_analysis(nlp(text), spans_key) for text in body["texts"]]}

    listener = listen("127.0.0.1", 0)
    print(f"plain on {url_of(listener)}", file=sys.stderr, flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
