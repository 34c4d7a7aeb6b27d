"""Every command in the documentation exists, takes what it is given, and, where it can be had in seconds, runs."""

from __future__ import annotations

import runpy
import shutil
import subprocess
from pathlib import Path

import pytest
import typer

from benchmark.cli.main import app, call

FOUND = runpy.run_path(str(Path(__file__).with_name("commands.py")))
ROOT: Path = FOUND["ROOT"]
COMMANDS = FOUND["commands"]()
OF_SPLATBENCH = [command for command in COMMANDS if command.words[0] == "splatbench"]
OF_MAKE = [command for command in COMMANDS if command.words[0] == "make"]

# What a page writes for the reader's own name or choice.
PLACES = {
    "NAME": "efficientnet_lite0",
    "FAMILY": "dino",
    "OLD": "results",
    "FILE…": "results",
    "FOLDER": ".",
    "DIR": ".",
    "CELL": "x",
}

# What stands for the dots where a page leaves the rest to the reader.
REST = {"run": ("--entry", "iuvrgb", "--dataset", "studio")}

# Verbs that are run here with the words of the page; they take seconds and need nothing.
RUN_HERE = ("list", "show", "doctor", "data list", "results check", "results diff", "leaderboard build")

# Verbs that take minutes, files of others, or a browser, and the tests that run them.
RUN_ELSEWHERE = {
    "run": "tests/test_end_to_end.py",
    "plan": "tests/test_studies.py",
    "study": "tests/test_end_to_end.py",
    "compile": "tests/test_kernels.py",
    "data add": "tests/scenes/",
    "data get": "tests/scenes/",
    "data check": "tests/scenes/",
    "data import-split": "tests/scenes/",
    "features": "tests/cli/test_cli.py",
    "check": "tests/contract/",
    "new-entry": "tests/cli/test_cli.py",
    "submit": "tests/results/test_command.py",
    "results pack": "tests/results/test_command.py",
    "results export": "tests/results/test_command.py",
    "results transcribe": "tests/results/test_published.py",
    "leaderboard open": "tests/cli/test_cli.py",
    "leaderboard viewer": "tests/leaderboard/test_viewer.py",
    "view": "tests/cli/test_view.py",
    "export": "tests/reconstruction/",
}
DOTS = ("...", "…")
# Not ours: said in the pages, and read by a person.
OTHERS = ("git", "pip", "python", "python3", "cd")


def filled_in(words: tuple[str, ...]) -> list[str]:
    """What is typed after ``splatbench``, with names that exist in place of those of the page."""
    places = PLACES | ({"NAME": "demo"} if words[1] in ("plan", "study") else {})
    return [places.get(word, word) for word in words[1:] if word not in DOTS]


def verb(words: tuple[str, ...]) -> str:
    """The command and its subcommand, as far as they are words."""
    groups = typer.main.get_command(app).commands
    first = words[1]
    return f"{first} {words[2]}" if hasattr(groups.get(first), "commands") and len(words) > 2 else first


def test_there_are_commands_to_try():
    assert len(OF_SPLATBENCH) > 30 and len(OF_MAKE) > 5


@pytest.mark.parametrize("command", OF_SPLATBENCH, ids=lambda command: f"{command.page}: {command.text}")
def test_the_command_takes_what_the_page_gives_it(command):
    """Parsed by the command itself: an unknown verb, option or missing argument fails."""
    group = typer.main.get_command(app)
    words = filled_in(command.words)
    if set(DOTS) & set(command.words):
        words += REST.get(command.words[1], ())
    while hasattr(group, "commands") and words:
        assert words[0] in group.commands, f"no command '{words[0]}'"
        group = group.commands[words.pop(0)]
    if words or not mentioned_alone(command):
        group.make_context("splatbench", list(words))


def mentioned_alone(command) -> bool:
    """A verb that is only named, as in "`splatbench check NAME` tries them": its arguments stand elsewhere."""
    return len(command.words) <= 3


@pytest.mark.parametrize("command", OF_SPLATBENCH, ids=lambda command: f"{command.page}: {command.text}")
def test_the_command_is_run_by_a_test(command):
    name = verb(command.words)
    assert name in RUN_HERE or name in RUN_ELSEWHERE, f"'{name}' is run by no test that is named here"


@pytest.mark.parametrize("path", sorted(set(RUN_ELSEWHERE.values())))
def test_the_tests_that_are_named_are_there(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize(
    "command",
    [command for command in OF_SPLATBENCH if verb(command.words) in RUN_HERE and len(command.words) > 2],
    ids=lambda command: f"{command.page}: {command.text}",
)
def test_it_runs(command, tmp_path, monkeypatch, capsys):
    words = filled_in(command.words)
    if "authors" in command.text:
        pytest.skip("needs the authors' dataset_split.json")
    monkeypatch.setenv("SPLATBENCH_STORE", str(tmp_path / "runs"))
    monkeypatch.setenv("SPLATBENCH_DATA", str(tmp_path / "data"))
    shutil.copytree(ROOT / "results", tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    assert call(app, words) == 0, capsys.readouterr().err


@pytest.mark.parametrize("command", OF_MAKE, ids=lambda command: f"{command.page}: {command.text}")
def test_make_knows_the_target(command):
    if shutil.which("make") is None:
        pytest.skip("needs make")
    words = [word for word in command.words[1:] if not word.startswith("[")]
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_other_program_is_asked_for():
    known = {"splatbench", "make", *OTHERS}
    assert {command.words[0] for command in COMMANDS} <= known
