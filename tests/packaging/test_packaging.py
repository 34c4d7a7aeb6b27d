"""What is installed works outside of the repository, says one version, and imports without a warning."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """`bin` of a fresh environment that has the built wheel, and sees the packages of this one but not this project."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    built = subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT)], capture_output=True, text=True
    )
    if built.returncode and "Could not find a version" in built.stderr:
        pytest.skip("needs setuptools from a package index")
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=False)
    bin_folder = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    python = bin_folder / "python"
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True).stdout.strip())
    # Paths alone: files that would lead back to the repository are not read.
    beside = [sysconfig.get_path("purelib"), *(path for path in sys.path if path.endswith("site-packages"))]
    (site / "others.pth").write_text("\n".join(dict.fromkeys(beside)) + "\n", encoding="utf-8")
    subprocess.run([*pip, "--python", str(python), "install", "--no-deps", str(wheel)], check=True)
    return bin_folder


def ask(installed: Path, folder: Path, *words: str) -> str:
    done = subprocess.run([installed / "splatbench", *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_is_what_runs(installed, tmp_path):
    code = "import benchmark, leaderboard, vfm_zoo; print(benchmark.__file__, leaderboard.__file__, vfm_zoo.__file__)"
    done = subprocess.run([installed / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert all(path.startswith(str(installed.parent)) for path in done.stdout.split())


def test_it_knows_datasets_and_models(installed, tmp_path):
    datasets = json.loads(ask(installed, tmp_path, "list", "datasets", "--json"))
    assert {"studio", "motorcycle", "llff", "dtu"} <= {one["name"] for one in datasets}
    assert "dinov2_b14" in ask(installed, tmp_path, "list", "entries", "--json")


def test_it_builds_a_page(installed, tmp_path):
    ask(installed, tmp_path, "leaderboard", "build", "--results", str(ROOT / "results" / "published"))
    assert "<table" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_the_version_has_one_place():
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert importlib.metadata.version("splatbench") == stated
    code = [path for package in ("benchmark", "leaderboard", "vfm_zoo") for path in (ROOT / package).rglob("*.py")]
    assert [path.name for path in code if "__version__ =" in path.read_text(encoding="utf-8")] == []
    assert "\nversion:" not in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


@pytest.mark.parametrize("package", ["benchmark", "leaderboard", "vfm_zoo"])
def test_it_imports_without_a_warning(package):
    """Warnings of others' code, made while it is imported, are theirs; every one that names ours fails."""
    code = (
        "import importlib, pkgutil, warnings\n"
        f"warnings.filterwarnings('error', module='{package}')\n"
        f"import {package}\n"
        f"for found in pkgutil.walk_packages({package}.__path__, '{package}.'):\n"
        "    importlib.import_module(found.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    missing = re.search(r"No module named '(\w+)'", done.stderr)
    if done.returncode and missing:
        pytest.skip(f"needs {missing[1]}, which an extra installs")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", ["benchmark", "leaderboard", "vfm_zoo", "benchmark.cli.main"])
def test_importing_with_all_warnings_as_errors(package):
    done = subprocess.run([sys.executable, "-W", "error", "-c", f"import {package}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_workflows_call_make_and_nothing_else():
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert targets
    for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
        jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
        runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
        assert runs
        for run in runs:
            words = run.split()
            assert words[0] == ".venv/bin/splatbench" or (words[0] == "make" and words[1] in targets[1].split()), run
