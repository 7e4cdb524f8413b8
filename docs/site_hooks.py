"""Hooks of the web site: pages taken from the root of the repository, and links and code that work in both places.

The Markdown files are written to be read in the repository too, where they link to source files. On the site such a
link goes to the API page of the module.
"""

import logging
import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
# Pages of the site that are files of the repository's root.
INCLUDED = {"index.md": "README.md", "changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}
# A block that the tests do not run. MkDocs does not recognize a fence with a second word.
FENCE = re.compile(r"^( *```python) no-run$", re.MULTILINE)
LINK = re.compile(r"(?P<before>!?\[(?P<text>(?:[^\[\]]|\[[^\]]*\])*)\]\()(?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")


def on_page_markdown(markdown: str, page: Any, **kwargs: Any) -> str:
    """Insert the included file, and adapt the links and fences of a page.

    markdown (str): The page's source.
    page (Page): The page.
    RETURNS (str): The page to convert.
    """
    path = page.file.src_uri
    source = f"docs/{path}"
    if path in INCLUDED:
        source = INCLUDED[path]
        markdown = (ROOT / source).read_text(encoding="utf8")
    markdown = FENCE.sub(r"\1", markdown)
    return LINK.sub(lambda match: _adapt(match, source, path), markdown)


def on_page_content(html: str, page: Any, **kwargs: Any) -> str:
    """Warn if a fence was not recognized as a code block. `mkdocs build --strict` fails at a warning.

    html (str): The converted page.
    page (Page): The page.
    RETURNS (str): The same HTML.
    """
    if "```" in html:
        logging.getLogger("mkdocs.hooks").warning("%s: a code block was not recognized", page.file.src_uri)
    return html


def _adapt(match: re.Match[str], source: str, page: str) -> str:
    if "://" in match["target"] or match["target"].startswith("mailto:"):
        return match[0]
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match["target"]))
    place = _place(target, match["anchor"] or "")
    if place is None:
        return match["text"]
    return f"{match['before']}{posixpath.relpath(place, posixpath.dirname(page) or '.')})"


def _place(target: str, anchor: str) -> str | None:
    """Where a file of the repository is on the site. None: it is not there."""
    for page, included in INCLUDED.items():
        if target == included:
            return page + anchor
    if target.startswith("docs/"):
        return target.removeprefix("docs/") + anchor
    if target.startswith("spacy_mre/") and target.endswith(".py"):
        module = target.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        room = module.split(".")[1]
        if (ROOT / "docs" / "api" / f"{room}.md").exists():
            return f"api/{room}.md#{module}"
    return None
