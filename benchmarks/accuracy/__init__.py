"""Accuracy, each against its control: a grid of data sets, variants and seeds (grid.yml), one JSON file per run, and what they say together."""
