"""Listing, finding and registering entries."""

from __future__ import annotations

import importlib.metadata
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from vfm_zoo import registry
from vfm_zoo.entry import Choice, Entry, Exposure, Input, Licence, Weights
from vfm_zoo.errors import UnknownEntry, ZooError

ENTRY_FILE = """
from vfm_zoo.registry import Entry, Licence

ENTRIES = [
    Entry(
        name="grey", title="Grey", family="mine", loader=f"{__name__}:load", licence=Licence("MIT", commercial=True),
        citation="", kind="control", architecture="none", parameters=0, stride=4, channels=1, tokens="map",
        input=__import__("vfm_zoo.registry", fromlist=["Input"]).Input(multiple_of=4), supervision="none",
        training_data="none",
    )
]

def load(entry, device):
    import torch
    return lambda images, positions: torch.nn.functional.avg_pool2d(images.mean(1, keepdim=True), 4)
"""


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A copy of the registry that a test may change."""
    registry.list_entries()
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    monkeypatch.setattr(registry, "_sources", dict(registry._sources))
    monkeypatch.setattr(registry, "_broken", list(registry._broken))
    monkeypatch.setenv(registry.ENTRY_FILES, "")
    yield
    for name in [name for name in sys.modules if name.startswith("entry_file_")]:
        del sys.modules[name]


def make_entry(**changes: object) -> Entry:
    values: dict = {
        "name": "mine_b16",
        "title": "Mine",
        "family": "mine",
        "loader": "mine:load",
        "licence": Licence("MIT", commercial=True),
        "citation": "",
        "kind": "control",
        "architecture": "ViT-B/16",
        "parameters": 1,
        "stride": 16,
        "channels": 8,
        "tokens": "patch",
        "input": Input(multiple_of=16),
        "supervision": "none",
        "training_data": "none",
    }
    return Entry(**(values | changes))


def test_listing_loads_no_heavy_package() -> None:
    code = (
        "import sys; from vfm_zoo import registry; names = [e.name for e in registry.list_entries()];"
        "heavy = {'torch', 'timm', 'numpy', 'transformers', 'benchmark'} & set(sys.modules);"
        "assert not heavy, heavy; print(*names)"
    )
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert {"efficientnet_lite0", "efficientnet_lite0_random", "iuv", "iuvrgb", "random"} <= set(result.stdout.split())


def test_listing_is_sorted_and_takes_wildcards() -> None:
    names = [entry.name for entry in registry.list_entries()]
    assert names == sorted(names)
    assert [entry.name for entry in registry.list_entries("IUV*")] == ["iuv", "iuvrgb"]
    assert registry.list_entries("nothing*") == []
    assert registry.matching("*_b?", ["a_b1", "a_b14", "c"]) == ["a_b1"]


def test_an_unknown_name_answers_with_the_nearest() -> None:
    with pytest.raises(UnknownEntry, match="'efficientnet_lite0'") as caught:
        registry.get_entry("EfficentNet_Lite0")
    assert "\n" not in str(caught.value)
    with pytest.raises(LookupError, match="'zzz' is unknown; see `splatbench list entries`"):
        registry.get_entry("zzz")


def test_sources_are_known() -> None:
    assert registry.source_of("iuv") == "vfm_zoo.raw"


def test_a_taken_name_is_an_error_that_names_both_sources(own_registry: None) -> None:
    registry.register(make_entry(), source="one")
    with pytest.raises(ZooError, match="two: the name 'mine_b16' is taken by one"):
        registry.register(make_entry(name="other"), make_entry(), source="two")
    with pytest.raises(UnknownEntry):
        registry.get_entry("other")  # all or none
    with pytest.raises(ZooError, match="three: the name 'twice' is taken by three"):
        registry.register(make_entry(name="twice"), make_entry(name="twice"), source="three")


def test_the_same_entry_from_the_same_source_is_no_conflict(own_registry: None) -> None:
    registry.register(make_entry(), source="one")
    registry.register(make_entry(), source="one")
    assert registry.get_entry("mine_b16") == make_entry()


def test_what_is_no_entry_is_refused(own_registry: None) -> None:
    with pytest.raises(ZooError, match=r"one: ENTRIES must hold .*Entry, got str"):
        registry.register("efficientnet", source="one")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Upper Case"}, "name must be lower case"),
        ({"loader": "no_colon"}, "loader must be 'module:function'"),
        ({"kind": "learnt"}, "kind must be learned, control or raw"),
        ({"channels": 0}, "channels must be at least 1"),
        ({"input": Input(multiple_of=8)}, "multiple of the stride 16"),
        ({"input": Input(std=(1.0, 0.0, 1.0), multiple_of=16)}, "positive std"),
        ({"weights": Weights("pypi", "p", "f", "1", "abc")}, "weights must be a SHA-256"),
        ({"choices": {"other": Choice("x")}}, "choices must be 'paper' or 'recommended'"),
        ({"precision": "float8"}, "precision must be float32"),
        ({"aliases": ("Upper",)}, "aliases must be lower case"),
        ({"options": {"f": object()}}, "options must be plain values"),
        ({"options": {"f": float("nan")}}, "options must be plain values"),
    ],
)
def test_a_card_that_makes_no_sense_is_refused_in_one_line(change: dict, message: str) -> None:
    with pytest.raises(ZooError, match=message) as caught:
        make_entry(**change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "mine_b17"},
        {"version": 2},
        {"options": {"seed": 1}},
        {"layer": 3},
        {"layer": (2, 3)},
        {"input": Input(mean=(0.5, 0.5, 0.5), multiple_of=16)},
        {"input": Input(multiple_of=32)},
        {"channels": 9},
        {"norm": True},
        {"precision": "bfloat16"},
        {"whole_scene": True},
        {"weights": Weights("pypi", "package", "file", "1", "0" * 64)},
        {"code_sha256": "0" * 64},
    ],
)
def test_what_decides_a_number_changes_the_digest(change: dict) -> None:
    assert make_entry(**change).digest() != make_entry().digest()


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Other"},
        {"citation": "@misc{x}"},
        {"licence": Licence("Apache-2.0", commercial=True)},
        {"parameters": 2},
        {"trained_on": {"dtu": Exposure("seen")}},
        {"superseded_by": "iuv"},
        {"aliases": ("another",)},
        {"hardware": "a GPU"},
        {"input": Input(multiple_of=16, native_side=224)},
    ],
)
def test_words_on_the_card_do_not_change_the_digest(change: dict) -> None:
    assert make_entry(**change).digest() == make_entry().digest()


def test_where_weights_lie_does_not_change_the_digest() -> None:
    one = make_entry(weights=Weights("pypi", "package", "file", "1", "0" * 64))
    other = make_entry(weights=Weights("pypi", "mirror", "other", "2", "0" * 64))
    assert one.digest() == other.digest()
    assert one.weights_digest == "0" * 64
    assert make_entry().weights_digest is None


def test_what_the_paper_takes_is_another_entry_for_the_cache() -> None:
    mae = registry.get_entry("mae_b16")
    paper = mae.chosen("paper")
    assert (mae.layer, mae.norm, paper.layer, paper.norm) == (11, True, 10, False)
    assert paper.options["positions"] == "generated" and paper.digest() != mae.digest()
    assert mae.chosen("recommended") == mae
    assert registry.get_entry("clip_b16").chosen("paper").input.mean == (0.485, 0.456, 0.406)
    assert registry.get_entry("sam_b16").chosen("paper").channels == 768
    assert registry.get_entry("vggt_decoder").chosen("paper").whole_scene
    assert registry.get_entry("dust3r").chosen("paper") == registry.get_entry("dust3r")
    with pytest.raises(ZooError, match="must be 'paper' or 'recommended', got 'papre'"):
        mae.chosen("papre")


def test_an_alias_finds_its_entry() -> None:
    assert registry.get_entry("radio").name == "radio_v2_h16"
    assert registry.source_of("sam_base") == "vfm_zoo.sam"


def test_a_users_digest_fills_what_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPLATBENCH_WEIGHTS", raising=False)
    assert registry.get_entry("dino_b16").weights_digest is None
    (tmp_path / "SHA256SUMS").write_text(
        f"{'A' * 64} *vit_base_patch16_224.dino/model.safetensors\n{'b' * 64}  sam_vit_b_01ec64.pth\nnonsense\n"
    )
    monkeypatch.setenv("SPLATBENCH_WEIGHTS", str(tmp_path))
    assert registry.get_entry("dino_b16").weights_digest == "a" * 64
    known = registry.get_entry("sam_b16").weights_digest
    assert known is not None and known.startswith("ec2df6")  # never replaced


def test_another_process_takes_over_the_entry_files(own_registry: None, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(ENTRY_FILE)
    (entry,) = registry.load_entry_file(path)
    code = (
        "from vfm_zoo import registry\n"
        "print([b.reason for b in registry.broken_plugins()] or registry.get_entry('grey').digest())"
    )
    run = [sys.executable, "-P", "-c", code]
    result = subprocess.run(run, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == entry.digest()
    path.write_text(ENTRY_FILE + "\n# edited")
    result = subprocess.run(run, capture_output=True, text=True, check=True)
    assert "was edited after the run began" in result.stdout


def test_an_entry_can_be_sent_to_another_process() -> None:
    entry = registry.get_entry("efficientnet_lite0")
    assert pickle.loads(pickle.dumps(entry)) == entry


def test_exposure_of_a_dataset_that_is_not_named() -> None:
    entry = make_entry(trained_on={"dl3dv": Exposure("seen", "paper"), "*": Exposure("not seen", "closed list")})
    assert entry.exposure("dl3dv") == Exposure("seen", "paper")
    assert entry.exposure("dtu").state == "not seen"
    assert make_entry().exposure("dtu").state == "unknown"


def test_an_entry_file_is_registered_and_runs(own_registry: None, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "my-model.py"
    path.write_text(ENTRY_FILE)
    (entry,) = registry.load_entry_file(path)
    assert registry.get_entry("grey") == entry
    assert registry.source_of("grey").endswith("my-model.py")
    images = torch.rand(2, 3, 8, 12)
    tokens = registry.load(entry)(images, torch.zeros(2))
    torch.testing.assert_close(tokens[1, 0, 1, 2], images[1, :, 4:8, 8:12].mean())
    assert not (tmp_path / "__pycache__").exists()


def test_an_edited_entry_file_is_another_entry(own_registry: None, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(ENTRY_FILE)
    (first,) = registry.load_entry_file(path)
    assert registry.load_entry_file(path) == [first]
    path.write_text(ENTRY_FILE.replace(", 4)", ", 4) * 2"))
    (second,) = registry.load_entry_file(path)
    assert second.digest() != first.digest()
    assert registry.get_entry("grey") == second


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        ("ENTRIES = [", r"SyntaxError.*\(line 1\)"),
        ("\nimport absent_package", r"ModuleNotFoundError.*absent_package.*\(line 2\)"),
        ("def f():\n    raise ValueError('a\\nb')\nf()", r"ValueError: a b \(line 2\)"),
        ("raise SystemExit(0)", "SystemExit"),
        ("x = 1", "defines no list or tuple ENTRIES"),
        ("ENTRIES = ['a']", "must hold vfm_zoo.registry.Entry, got str"),
        (ENTRY_FILE.replace('"grey"', '"iuv"'), "the name 'iuv' is taken by vfm_zoo.raw"),
        (ENTRY_FILE.replace("channels=1", "channels=-1"), "channels must be at least 1"),
    ],
)
def test_a_bad_entry_file_is_one_line_that_names_it(
    own_registry: None, tmp_path: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text)
    before = registry.list_entries()
    with pytest.raises(ZooError, match=message) as caught:
        registry.load_entry_file(path)
    assert "mine.py" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert registry.list_entries() == before


def test_a_broken_plugin_is_listed_and_breaks_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    good = ModuleType("good_plugin")
    good.ENTRIES = (make_entry(),)  # type: ignore[attr-defined]
    greedy = ModuleType("greedy_plugin")
    greedy.ENTRIES = (make_entry(name="another"), make_entry(name="iuv"))  # type: ignore[attr-defined]
    for module in (good, greedy):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    points = [
        importlib.metadata.EntryPoint("a", "absent_plugin.entries", registry.PLUGIN_GROUP),
        importlib.metadata.EntryPoint("b", "greedy_plugin", registry.PLUGIN_GROUP),
        importlib.metadata.EntryPoint("c", "good_plugin:ENTRIES", registry.PLUGIN_GROUP),
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    for name, empty in (("_entries", {}), ("_sources", {}), ("_broken", [])):
        monkeypatch.setattr(registry, name, empty)
    registry._discover.cache_clear()
    try:
        names = [entry.name for entry in registry.list_entries()]
        assert "mine_b16" in names and "iuv" in names and "another" not in names
        absent, taken = registry.broken_plugins()
        assert "absent_plugin" in absent.plugin and "No module named" in absent.reason
        assert "greedy_plugin" in taken.plugin and "'iuv' is taken by vfm_zoo.raw" in taken.reason
        with pytest.raises(UnknownEntry, match=r"plug-in .*absent_plugin.* could not be loaded"):
            registry.get_entry("from_the_absent_plugin")
    finally:
        registry._discover.cache_clear()


def test_loading_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("needy")
    exec(
        "def load(entry, device):\n    import absent_package\n"
        "def load_old(entry, device):\n    from json import not_there_yet",
        module.__dict__,
    )
    monkeypatch.setitem(sys.modules, "needy", module)
    entry = make_entry(loader="needy:load", extra="zoo")
    with pytest.raises(ZooError, match=r"'absent_package' is not installed; pip install 'splatbench\[zoo\]'"):
        registry.load(entry)
    with pytest.raises(ZooError, match=r"not_there_yet.*; pip install --upgrade 'splatbench\[zoo\]'"):
        registry.load(replace(entry, loader="needy:load_old"))
    with pytest.raises(ZooError, match="there is no loader needy:absent"):
        registry.load(replace(entry, loader="needy:absent"))


def test_every_entry_with_weights_has_an_untrained_twin():
    from vfm_zoo.registry import get_entry, known_names, list_entries

    listed = {entry.name for entry in list_entries()}
    for entry in list_entries():
        if entry.weights is None:
            assert f"{entry.name}_random" not in known_names()
            continue
        twin = get_entry(f"{entry.name}_random")
        assert twin.weights is None
        assert twin.kind == "control"
        assert (twin.channels, twin.layer, twin.input) == (entry.channels, entry.layer, entry.input)
        assert twin.digest() != entry.digest()
    assert {"xfeat_random", "mobilenet_v2_random"} <= listed
    assert "dinov2_b14_random" in known_names()
