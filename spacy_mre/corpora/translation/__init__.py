"""Translation of an annotated corpus by a language model (MMM, Gan et al. 2024, arXiv 2407.10953, section 3).

Each text goes out with its entities marked, comes back marked, and is checked: a row that fails a check is dropped and
counted with its reason.
"""
