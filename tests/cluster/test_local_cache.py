"""The cache of jars and Java runtimes: it fills, checks and repairs itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ignite_dbapi.local import LocalServerError, artifacts, java
from ignite_dbapi.local.artifacts import Jar, cache_directory, fetch_jars, read_jar_list, sha256_of

VERSION = "2.8.1"  # the one with the fewest jars


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A full cache of its own, whose jars are links to those of the real one until they are replaced."""
    real = fetch_jars(VERSION)
    source = cache_directory() / "jars"
    target = tmp_path / "cache"
    for path in real:
        link = target / "jars" / path.relative_to(source)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    monkeypatch.setenv("IGNITE_DBAPI_CACHE", str(target))
    # What is missing has to come from the registry, not from the Maven repository of whoever runs the tests.
    monkeypatch.setenv("M2_REPO", str(tmp_path / "empty"))
    yield target
    assert all(sha256_of(path) == jar.sha256 for path, jar in zip(real, read_jar_list(VERSION), strict=True))


def smallest(jars: list[Jar]) -> Jar:
    return min(jars, key=lambda jar: jar.size)


def replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


class TestPins:
    @pytest.mark.parametrize("version", ["2.17.0", "2.16.0", "2.8.1"])
    def test_the_lists_are_complete(self, version: str) -> None:
        jars = read_jar_list(version)
        ours = {jar.artifact for jar in jars if jar.group == "org.apache.ignite"}
        expected = {"ignite-core", "ignite-indexing", "ignite-spring"}
        assert ours == (expected if version == "2.8.1" else expected | {"ignite-calcite"})
        assert {jar.version for jar in jars if jar.group == "org.apache.ignite"} == {version}
        assert len({jar.coordinate for jar in jars}) == len(jars)

    def test_a_version_without_a_list(self) -> None:
        with pytest.raises(LocalServerError, match=r"no list of jars for Ignite 2\.9\.9"):
            read_jar_list("2.9.9")

    def test_a_broken_list(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(artifacts, "JARS_DIRECTORY", tmp_path)
        (tmp_path / "1.0.0.txt").write_text("# comment\ngroup:artifact:1.0 0123 17\n")
        with pytest.raises(LocalServerError, match=r"group:artifact:1\.0 0123 17"):
            read_jar_list("1.0.0")


class TestRepair:
    def test_a_full_cache_is_left_alone(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first = fetch_jars(VERSION)
        monkeypatch.setattr(artifacts, "sha256_of", lambda _: pytest.fail("a jar was read again"))
        assert fetch_jars(VERSION) == first
        assert all(path.is_relative_to(cache) for path in first)

    @pytest.mark.parametrize("damage", ["missing", "cut short", "changed"])
    def test_a_damaged_jar_is_downloaded_again(
        self, cache: Path, damage: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        paths = fetch_jars(VERSION)
        assert capsys.readouterr().err == ""
        jar = smallest(read_jar_list(VERSION))
        path = cache / "jars" / jar.relative_path
        content = path.read_bytes()
        if damage == "missing":
            path.unlink()
        else:
            replace(path, content[: jar.size // 2] if damage == "cut short" else bytes(jar.size))
        assert fetch_jars(VERSION) == paths
        assert path.read_bytes() == content
        assert not path.is_symlink()
        assert f"Downloading Apache Ignite {VERSION}: 1 files" in capsys.readouterr().err
        assert list(cache.glob("download-*")) == []

    def test_leftovers_of_a_killed_download_do_no_harm(self, cache: Path) -> None:
        jar = smallest(read_jar_list(VERSION))
        path = cache / "jars" / jar.relative_path
        (cache / "download-killed" / "3").mkdir(parents=True)
        (cache / "download-killed" / "3" / path.name).write_bytes(b"half a jar")
        (cache / "stamps").mkdir()
        (cache / "stamps" / f"{VERSION}.json").write_text('{"half a stamp')
        path.unlink()
        fetch_jars(VERSION)
        assert sha256_of(path) == jar.sha256
        assert list(cache.glob("download-*")) == []

    def test_processes_that_fill_it_at_the_same_time(self, cache: Path) -> None:
        jars = sorted(read_jar_list(VERSION), key=lambda jar: jar.size)[:4]
        for jar in jars:
            (cache / "jars" / jar.relative_path).unlink()
        code = f"from ignite_dbapi.local.artifacts import fetch_jars; fetch_jars({VERSION!r})"
        processes = [
            subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(3)
        ]
        errors = [process.communicate(timeout=120)[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0, 0], errors
        # One did the work, and the others found it done.
        assert sum("4 files" in error for error in errors) == 1
        assert sum(error == "" for error in errors) == 2
        assert all(sha256_of(cache / "jars" / jar.relative_path) == jar.sha256 for jar in jars)

    def test_a_jar_that_is_not_as_pinned_is_refused(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        jar = smallest(read_jar_list(VERSION))
        path = cache / "jars" / jar.relative_path
        path.unlink()

        def forged(_jar: Jar, folder: Path, _count: object) -> Path:
            (folder / "forged.jar").write_bytes(bytes(jar.size))
            return folder / "forged.jar"

        monkeypatch.setattr(artifacts, "_from_registry", forged)
        monkeypatch.setattr(artifacts, "_from_mvn", lambda *_: None)
        with pytest.raises(LocalServerError, match=f"{jar.coordinate} could not be had as pinned"):
            fetch_jars(VERSION)
        assert not path.exists()

    def test_a_missing_package_is_named(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (cache / "jars" / smallest(read_jar_list(VERSION)).relative_path).unlink()
        monkeypatch.setitem(sys.modules, "jgo.maven", None)
        with pytest.raises(LocalServerError, match=r"'jgo'.*pip install \"ignite-dbapi\[local\]\""):
            fetch_jars(VERSION)


class TestPlaces:
    def test_the_cache_directory(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.delenv("IGNITE_DBAPI_CACHE", raising=False)
        assert cache_directory() == tmp_path / "ignite-dbapi"
        monkeypatch.setenv("IGNITE_DBAPI_CACHE", str(tmp_path / "mine"))
        assert cache_directory() == tmp_path / "mine"


class TestJava:
    def test_what_cannot_be_installed_is_explained(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("IGNITE_DBAPI_CACHE", str(tmp_path))
        monkeypatch.setattr(java, "_installed_javas", lambda: [(tmp_path / "java", "JAVA_HOME")])
        monkeypatch.setattr(java, "_pip", lambda: [sys.executable, "-c", "import sys; sys.exit('no network')"])
        with pytest.raises(LocalServerError) as caught:
            java.find_java("2.17.0")
        message = str(caught.value)
        assert f"{tmp_path / 'java'} (from JAVA_HOME) does not run" in message
        assert "no network" in message
        assert "set JAVA_HOME" in message

    def test_options_for_each_java(self) -> None:
        assert java.module_options(8) == []
        assert "--add-opens=java.base/java.nio=ALL-UNNAMED" in java.module_options(11)
        assert "--sun-misc-unsafe-memory-access=allow" not in java.module_options(17)
        assert "--sun-misc-unsafe-memory-access=allow" in java.module_options(25)
        assert java.suitable_java("2.8.1") == (8, 11)
        assert java.suitable_java("2.17.0") == (11, None)

    def test_other_settings_of_ignite_stay_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from ignite_dbapi.local.node import _environment

        monkeypatch.setenv("IGNITE_HOME", "/elsewhere")
        monkeypatch.setenv("CLASSPATH", "/elsewhere.jar")
        environment = _environment()
        assert "IGNITE_HOME" not in environment
        assert "CLASSPATH" not in environment
        assert environment["PATH"] == os.environ["PATH"]
