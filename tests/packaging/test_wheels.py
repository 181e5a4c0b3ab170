"""What is built: the source distribution, compiled and interpreted wheels, and what becomes of them without a compiler.

``make wheels`` runs it. It builds in environments of their own, with packages from the network.
"""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import attrs
import pytest

ROOT = Path(__file__).parent.parent.parent
MODULES = re.findall(r'"([\w/]+)"', re.search(r"for name in \((.*?)\)", (ROOT / "setup.py").read_text(), re.DOTALL)[1])
#: Prints for each module that can be compiled whether it is.
_FORMS = """
import importlib, sys
from ignite_dbapi.protocol.codec import COMPILED, decode, encode
assert decode(encode(["a", 1])) == ["a", 1]
names = [name.replace("/", ".") for name in sys.argv[1:]]
files = [importlib.import_module(f"ignite_dbapi.protocol.{name}").__file__ for name in names]
print(COMPILED, *sorted({not file.endswith(".py") for file in files}))
"""


def run(*command: str | Path, **environment: str) -> str:
    """Run a command away from the sources and return what it prints."""
    settings = {name: value for name, value in os.environ.items() if name != "IGNITE_DBAPI_PURE"} | environment
    done = subprocess.run(
        command, cwd="/", env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


@attrs.frozen
class Wheel:
    """A wheel, and what was said when it was built."""

    path: Path
    output: str

    @property
    def names(self) -> list[str]:
        return zipfile.ZipFile(self.path).namelist()

    def forms(self, folder: Path, **environment: str) -> str:
        """Install it into *folder* and tell which forms run."""
        run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, self.path)
        return run(sys.executable, "-P", "-c", _FORMS, *MODULES, PYTHONPATH=str(folder), **environment).strip()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``python -m build`` makes of the sources."""
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def sources(built: Path) -> Path:
    (path,) = built.glob("*.tar.gz")
    return path


@pytest.fixture(scope="module")
def compiled(built: Path) -> Wheel:
    (path,) = built.glob("*.whl")
    return Wheel(path, "")


@pytest.fixture
def build_wheel(sources: Path, tmp_path: Path) -> Callable[..., Wheel]:
    """A function that has pip build a wheel of the source distribution."""

    def build(**environment: str) -> Wheel:
        folder = tmp_path / "wheel"
        output = run(sys.executable, "-m", "pip", "wheel", "-v", "--no-deps", "-w", folder, sources, **environment)
        (path,) = folder.glob("*.whl")
        return Wheel(path, output)

    return build


def test_source_distribution(sources: Path) -> None:
    with tarfile.open(sources) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert {"setup.py", "pyproject.toml", "LICENSE", "README.md", "ignite_dbapi/py.typed"} <= set(names)
    assert not [name for name in names if name.endswith((".c", ".so", ".pyd"))]


def test_compiled_wheel(compiled: Wheel, tmp_path: Path) -> None:
    assert f"-cp{sys.version_info[0]}{sys.version_info[1]}-" in compiled.path.name
    assert {"ignite_dbapi/py.typed", "sqlalchemy_ignite/py.typed"} <= set(compiled.names)
    assert not [name for name in compiled.names if name.endswith(".c")]
    binaries = [
        name.removeprefix("ignite_dbapi/protocol/").partition(".")[0]
        for name in compiled.names
        if name.endswith((".so", ".pyd"))
    ]
    assert sorted(binaries) == sorted(MODULES)
    # The sources are there, too: for tracebacks, and for the interpreted form.
    assert {f"ignite_dbapi/protocol/{name}.py" for name in MODULES} <= set(compiled.names)
    assert compiled.forms(tmp_path) == "True True"


def test_compiled_wheel_interpreted(compiled: Wheel, tmp_path: Path) -> None:
    assert compiled.forms(tmp_path, IGNITE_DBAPI_PURE="1") == "False False"


def test_interpreted_wheel(build_wheel: Callable[..., Wheel], compiled: Wheel, tmp_path: Path) -> None:
    # Neither a compiler nor the means to use one are looked for.
    wheel = build_wheel(IGNITE_DBAPI_PURE="1", CC="/nowhere/cc")
    assert wheel.path.name.endswith("-py3-none-any.whl")
    assert sorted(name for name in compiled.names if not name.endswith((".so", ".pyd"))) == sorted(wheel.names)
    assert "not compiled" not in wheel.output
    assert wheel.forms(tmp_path / "installed") == "False False"


def test_no_compiler(build_wheel: Callable[..., Wheel], tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    # Neither where the variable says nor on the path, where Python's own settings name it.
    wheel = build_wheel(CC=str(nothing / "cc"), PATH=str(nothing))
    assert "ignite-dbapi: the codec is not compiled" in wheel.output
    assert "it will be interpreted" in wheel.output
    assert wheel.path.name.endswith("-py3-none-any.whl")
    assert wheel.forms(tmp_path / "installed") == "False False"


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [
        (
            "implementation",
            SimpleNamespace(**vars(sys.implementation) | {"name": "pypy"}),
            "for CPython, and this is pypy",
        ),
        ("byteorder", "big", "little-endian processors of 64 bits"),
        ("maxsize", 2**31 - 1, "little-endian processors of 64 bits"),
    ],
)
def test_who_gets_it_interpreted(
    attribute: str, value: Any, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[dict[str, Any]] = []
    for name, members in {
        "setuptools": {"setup": lambda **keywords: calls.append(keywords)},
        "setuptools.command": {},
        "setuptools.command.build_ext": {"build_ext": object},
    }.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delenv("IGNITE_DBAPI_PURE", raising=False)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(sys, attribute, value)
        runpy.run_path(str(ROOT / "setup.py"))
    assert calls == [{}]
    assert reason in capsys.readouterr().err
