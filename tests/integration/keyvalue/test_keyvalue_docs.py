"""The programs of docs/key-value.md run as they stand, and print what is written below them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent.parent
PAGE = (ROOT / "docs" / "key-value.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", PAGE, re.DOTALL)


def test_programs_have_their_output() -> None:
    # What does not connect is a part of a program.
    programs = [code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "connect(" in code]
    assert [code for code, _ in BLOCKS] == programs
    assert programs


@pytest.mark.parametrize(("code", "printed"), BLOCKS, ids=range(len(BLOCKS)))
def test_block(code: str, printed: str, node: Any) -> None:
    host, port = node.addresses[0]
    program = code.replace('"127.0.0.1", 10800', f'"{host}", {port}').replace("127.0.0.1:10800", f"{host}:{port}")
    # In an interpreter of its own, as a user's program.
    done = subprocess.run(
        [sys.executable, "-c", program.replace("10800", str(port))], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert done.stdout == printed
