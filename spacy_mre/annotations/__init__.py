"""Annotations on a Doc: entities, relations, their alignment with other tokens, and how they are saved."""
