"""Multi-NER, each variant against BERT-MRC on the same encoder and budget: one JSON file per run, and what they say together."""
