"""Silver annotation: a language model labels raw texts as strings in the format of OIELLM, several times each.

What the samples agree on is kept. Engines, their cache and their budget are those of `spacy_mre.corpora.translation`.
"""
