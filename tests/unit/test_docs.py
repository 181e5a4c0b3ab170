"""The documentation says what is true: option tables match the options, links lead somewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import attrs
import pytest

from ignite_dbapi.options import ConnectOptions, StatementOptions

ROOT = Path(__file__).parent.parent.parent
CONNECTING = ROOT / "docs" / "connecting.md"
MARKED = re.compile(r"(<!-- options: .*? -->\n)(.*?)(<!-- end of options -->)", re.DOTALL)


def options_table() -> str:
    """The options and their defaults, as two tables in Markdown."""
    of_statements = [field.name for field in attrs.fields(StatementOptions)]
    parts = []
    for title, wanted in (("Of a connection or a statement", True), ("Of a connection", False)):
        parts.append(f"**{title}**\n\n| option | default | |\n|---|---|---|\n")
        for field in attrs.fields(ConnectOptions):
            if (field.name in of_statements) is wanted:
                default = "127.0.0.1:10800" if field.name == "addresses" else field.default
                parts.append(f"| `{field.name}` | `{default}` | {field.metadata['doc']} |\n")
        parts.append("\n")
    return "".join(parts)


def test_every_option_is_documented() -> None:
    written = MARKED.search(CONNECTING.read_text())
    assert written is not None
    assert written[2] == options_table(), "run: python tests/unit/test_docs.py --write"


DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if not target.startswith("http"):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_changelog_has_this_version_or_unreleased() -> None:
    assert re.search(r"^## (Unreleased|\d)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


if __name__ == "__main__" and "--write" in sys.argv:
    text = CONNECTING.read_text()
    CONNECTING.write_text(MARKED.sub(lambda found: found[1] + options_table() + found[3], text))
