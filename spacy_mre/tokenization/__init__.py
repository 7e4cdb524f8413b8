"""Tokenizers for Japanese and Chinese."""
