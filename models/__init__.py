"""Trains and packages the pipelines that people can install: `make models`."""
