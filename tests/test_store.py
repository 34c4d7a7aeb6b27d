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


HOLD = """
import sys
from pathlib import Path
from benchmark.store import Store

store = Store(Path(sys.argv[1]))

def build(folder):
    (folder / "value").write_text("half")
    print("begun", flush=True)
    sys.stdin.read()

with store.claim("ab" * 32) as ours:
    assert ours
    store.publish("features", "ab" * 32, build)
"""


def test_a_claim_and_a_half_written_artifact_are_kept_while_their_process_lives_and_no_longer(tmp_path):
    command = [sys.executable, "-P", "-c", HOLD, str(tmp_path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "begun\n"
    store = Store(tmp_path)
    with store.claim(KEY) as ours:
        assert not ours
    with store.claim("cd" * 32) as ours:
        assert ours
    store.clear_partial()
    assert len(list((tmp_path / "partial").iterdir())) == 1
    holder.kill()
    holder.communicate()
    with store.claim(KEY) as ours:
        assert ours
    store.clear_partial()
    assert list((tmp_path / "partial").iterdir()) == []
    assert not store.has("features", KEY)


def test_a_claim_ends_with_its_block(tmp_path):
    store = Store(tmp_path)
    for _ in range(2):
        with store.claim(KEY) as ours, store.claim(KEY) as again:
            assert ours and not again


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_whatever_a_system_calls_a_full_disk(tmp_path, number):
    def build(folder: Path) -> None:
        raise OSError(number, "no room")

    with pytest.raises(InputError, match="free some space"):
        Store(tmp_path).publish("features", KEY, build)


def test_damaged_records_are_left_out_and_named(tmp_path, caplog):
    store = Store(tmp_path)
    for content in (b"", b"{", b"\xff\xfe", b"[]"):
        store.publish("cells", KEY, lambda folder, content=content: (folder / "record.json").write_bytes(content))
        caplog.clear()
        assert list(store.records()) == []
        assert "record.json" in caplog.text and "left out" in caplog.text
