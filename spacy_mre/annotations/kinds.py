"""The kinds of annotations that have labels, as they are called in tables of labels, reports and JSON."""

KINDS = ("entities", "relations", "cats")
