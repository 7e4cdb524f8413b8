"""Tokenizers for Japanese, Chinese, and several languages at once."""
