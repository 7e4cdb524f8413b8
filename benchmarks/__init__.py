"""How accurate and how fast is it? `README.md` in this folder shows how it works."""
