"""The store: complete or not at all, once, and nothing lost."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.errors import InputError
from benchmark.store import Store

KEY = "ab" * 32


def write(folder: Path) -> None:
    (folder / "value").write_text("done")


def test_an_artifact_is_built_once_and_found_again(tmp_path):
    calls = []

    def build(folder: Path) -> None:
        calls.append(folder)
        write(folder)

    store = Store(tmp_path)
    assert not store.has("features", KEY)
    path = store.make("features", KEY, build)
    assert store.make("features", KEY, build) == path
    assert (path / "value").read_text() == "done"
    assert len(calls) == 1


def test_a_build_that_raises_publishes_nothing_and_leaves_nothing(tmp_path):
    store = Store(tmp_path)

    def build(folder: Path) -> None:
        write(folder)
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        store.make("features", KEY, build)
    assert not store.has("features", KEY)
    assert list((tmp_path / "partial").iterdir()) == []


def test_publish_replaces_what_was_there(tmp_path):
    store = Store(tmp_path)
    store.publish("cells", KEY, lambda folder: (folder / "old").touch())
    store.publish("cells", KEY, write)
    assert [path.name for path in store.path("cells", KEY).iterdir()] == ["value"]


BUILD_SLOWLY = """
import sys, time
from pathlib import Path
from benchmark.store import Store

def build(folder):
    with open(sys.argv[2], "a") as handle:
        handle.write("built\\n")
    time.sleep(0.3)

Store(Path(sys.argv[1])).make("reconstructions", "ab" * 32, build)
"""


def test_processes_that_want_the_same_thing_build_it_once(tmp_path):
    log = tmp_path / "log"
    command = [sys.executable, "-P", "-c", BUILD_SLOWLY, str(tmp_path / "store"), str(log)]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert log.read_text() == "built\n"


def test_a_full_disk_is_said_in_one_line_and_leaves_the_store_whole(tmp_path):
    store = Store(tmp_path)
    store.make("features", KEY, write)

    def build(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(InputError, match="disk is full"):
        store.publish("features", "cd" * 32, build)
    assert store.has("features", KEY)
    assert list((tmp_path / "partial").iterdir()) == []


def test_a_store_that_cannot_be_made_is_refused_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="--store"):
        Store(tmp_path / "file" / "store")


def test_an_unknown_kind_is_a_mistake_of_the_caller(tmp_path):
    with pytest.raises(ValueError, match="kind"):
        Store(tmp_path).path("other", KEY)
