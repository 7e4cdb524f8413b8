"""What is a token, and what does the tokenizer's dictionary say of it? One file per language."""
