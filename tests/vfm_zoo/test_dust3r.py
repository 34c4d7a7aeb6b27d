"""DUSt3R: that our network is the released one, without the released weights."""

from __future__ import annotations

import hashlib
import json
import math
import runpy
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from vfm_zoo import registry
from vfm_zoo.dust3r import DUST3R, load_dust3r
from vfm_zoo.entry import Entry
from vfm_zoo.errors import ZooError
from vfm_zoo.networks.croco import HEAD_CHANNELS, Size, rotary_order, rotate, rotation_of
from vfm_zoo.networks.dust3r import Dust3r, points_of
from vfm_zoo.networks.mast3r import Mast3r

GOLDEN = Path(__file__).parent / "golden"
RULE = runpy.run_path(str(GOLDEN / "rule.py"))
SIZES = {part: Size(RULE[f"{part}_WIDTH"], RULE[f"{part}_DEPTH"]) for part in ("ENCODER", "DECODER")}
KINDS: dict[str, Callable[..., Dust3r]] = {
    "dust3r_dpt": partial(Dust3r, head="dpt"),
    "dust3r_linear": partial(Dust3r, head="linear"),
    "mast3r": Mast3r,
}


def official_shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the released file of this network, those that the forward does not use included."""
    renamed = (("encoder.blocks.", "enc_blocks."), ("encoder.norm.", "enc_norm."), ("encoder.", ""), ("decoder.", ""))
    shapes = {}
    for name, value in network.state_dict().items():
        start, official = next((pair for pair in renamed if name.startswith(pair[0])), ("", ""))
        shapes[official + name.removeprefix(start)] = tuple(value.shape)
    shapes["mask_token"] = (1, 1, shapes["dec_norm.weight"][0])
    for name, shape in list(shapes.items()):
        if ".refinenet4.resConfUnit2." in name:
            shapes[name.replace("resConfUnit2", "resConfUnit1")] = shape
    return shapes


def write_release(kind: str, folder: Path) -> Path:
    """A file like the released one, of a tiny network with drawn weights."""
    with torch.device("meta"):
        shapes = official_shapes(KINDS[kind](SIZES["ENCODER"], SIZES["DECODER"]))
    path = folder / f"{kind}.safetensors"
    save_file({name: RULE["drawn"](name, shape) for name, shape in shapes.items()}, path)
    return path


@pytest.fixture(scope="module", params=["dust3r_dpt", "dust3r_linear"])
def release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(request.param, tmp_path_factory.mktemp("released"))


@pytest.fixture(scope="module")
def linear_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release("dust3r_linear", tmp_path_factory.mktemp("released"))


def views(pair: str) -> tuple[Tensor, Tensor]:
    first, second = (RULE["images"](f"{pair}{n}", size) for n, size in enumerate(RULE["PAIRS"][pair], 1))
    return first, second


def assert_golden(network: Dust3r, kind: str, pair: str) -> None:
    """That the network gives for a pair what the public code gives."""
    golden = load_file(GOLDEN / f"{kind}.safetensors")
    images = views(pair)
    for n, (image, prediction) in enumerate(zip(images, network(*images), strict=True), 1):
        outputs = RULE["kept"]({"tokens": network.encode(image).tokens, **prediction})
        expected = {name: value for name, value in golden.items() if name.startswith(f"{pair}.{n}.")}
        assert {f"{pair}.{n}.{name}" for name in outputs} == expected.keys()
        for name, value in outputs.items():
            torch.testing.assert_close(value, expected[f"{pair}.{n}.{name}"], rtol=1e-4, atol=1e-4)


def test_outputs_are_those_of_the_public_code(release: Path) -> None:
    network = load_dust3r(release)
    for pair in RULE["PAIRS"]:
        assert_golden(network, release.stem, pair)


@pytest.mark.parametrize("kind", KINDS)
def test_names_and_shapes_are_those_of_the_public_network(kind: str) -> None:
    with torch.device("meta"):
        shapes = official_shapes(KINDS[kind]())
    assert RULE["signature"](shapes) == json.loads((GOLDEN / "released.json").read_text())[kind]


@pytest.mark.parametrize(
    ("kind", "published"),
    # Bytes of model.safetensors on the hub, at the revisions that the entries name.
    [("dust3r_dpt", 2_284_790_056), ("mast3r", 2_754_661_648)],
)
def test_names_and_shapes_make_the_released_file_to_the_byte(kind: str, published: int) -> None:
    with torch.device("meta"):
        shapes = official_shapes(KINDS[kind]())
    # The one name that safetensors keeps of a tensor that is registered twice, and what it says of the other.
    second = {
        name.replace(f"layer{n}_rn", f"layer_rn.{n - 1}"): name
        for name in shapes
        for n in range(1, 5)
        if f".layer{n}_rn." in name
    }
    header: dict[str, object] = {"__metadata__": second}
    end = 0
    for name in sorted(shapes):
        start, end = end, end + 4 * math.prod(shapes[name])
        header[name] = {"dtype": "F32", "shape": list(shapes[name]), "data_offsets": [start, end]}
    length = len(json.dumps(header, separators=(",", ":")))
    assert 8 + math.ceil(length / 8) * 8 + end == published


def test_both_names_of_a_tensor_that_is_registered_twice_are_read(tmp_path: Path) -> None:
    path = write_release("dust3r_dpt", tmp_path)
    tensors = load_file(path)
    for name in [name for name in tensors if ".scratch.layer" in name]:
        number = int(name.split(".scratch.layer")[1][0])
        tensors[name.replace(f"layer{number}_rn", f"layer_rn.{number - 1}")] = tensors.pop(name)
    other = tmp_path / "other.safetensors"
    save_file(tensors, other)
    one, two = load_dust3r(path).state_dict(), load_dust3r(other).state_dict()
    assert all(torch.equal(value, two[name]) for name, value in one.items())


def test_attention_feels_how_far_tokens_are_apart_and_in_which_direction() -> None:
    """Rotated queries and keys: the product hangs on the difference of rows and on that of columns, each by itself."""
    generator = torch.Generator().manual_seed(0)
    query, key = (torch.randn(1, 1, 1, HEAD_CHANNELS, generator=generator) for _ in range(2))
    rotation = rotation_of((6, 7), torch.device("cpu"))
    queries, keys = (rotate(value.expand(1, 1, 42, HEAD_CHANNELS), rotation) for value in (query, key))
    products = (queries @ keys.transpose(2, 3)).view(6, 7, 6, 7)
    torch.testing.assert_close(products[0, 1, 2, 3], products[3, 2, 5, 4], rtol=1e-4, atol=1e-4)
    assert abs(float(products[0, 0, 0, 1] - products[0, 0, 1, 0])) > 0.1
    # The slowest pair of channels turns by 100^(-15/16) a token, the fastest by one radian.
    turned = rotate(torch.ones(1, 1, 42, HEAD_CHANNELS), rotation)[0, 0]
    assert float(turned[7, 0]) == pytest.approx(math.cos(1) - math.sin(1), rel=1e-5)
    angle = 100 ** (-15 / 16)
    assert float(turned[1, 47]) == pytest.approx(math.cos(angle) - math.sin(angle), rel=1e-5)


def test_the_order_of_channels_is_a_permutation_that_makes_partners_neighbours() -> None:
    order = rotary_order(64)
    assert sorted(order) == list(range(64))
    assert all(second - first == 16 for first, second in zip(order[::2], order[1::2], strict=True))
    assert max(order[:32]) < 32  # rows first


def test_points_keep_their_direction_and_are_exponential_in_distance() -> None:
    raw = torch.tensor([[3.0, 0.0, -4.0], [0.0, 0.0, 0.0]]).T.view(1, 3, 1, 2)
    torch.testing.assert_close(points_of(raw)[0, 0, 0], torch.tensor([0.6, 0.0, -0.8]) * math.expm1(5))
    assert points_of(raw)[0, 0, 1].tolist() == [0, 0, 0]


def test_a_view_is_encoded_once_for_many_pairs(linear_release: Path) -> None:
    network = load_dust3r(linear_release)
    first, second = views("mixed")
    encoded = [network.encode(images) for images in (first, second)]
    for predictions, expected in (
        (network.decode(*encoded), network(first, second)),
        (network.decode(*encoded[::-1]), network(second, first)),
    ):
        for prediction, value in zip(predictions, expected, strict=True):
            assert torch.equal(prediction["points"], value["points"])
    (one, _), (two, _) = network(first, second), network(second, first)
    assert one["points"].shape == (2, 32, 64, 3) and two["points"].shape == (2, 48, 32, 3)


def test_a_pair_gives_what_it_gives_in_a_batch(linear_release: Path) -> None:
    network = load_dust3r(linear_release)
    first, second = views("wide")
    for together, alone in zip(network(first, second), network(first[1:], second[1:]), strict=True):
        torch.testing.assert_close(together["points"][1:], alone["points"], rtol=1e-4, atol=1e-4)
        assert (together["confidence"] > 1).all()


@pytest.mark.parametrize("shape", [(1, 3, 32, 40), (1, 3, 0, 32), (3, 32, 32), (1, 1, 32, 32)])
def test_images_of_another_shape_are_refused(linear_release: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected .*multiples of 16, got"):
        load_dust3r(linear_release).encode(torch.zeros(shape))


def test_loading_is_quiet(linear_release: Path) -> None:
    before = torch.random.get_rng_state()
    network = load_dust3r(linear_release)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad or parameter.is_meta for parameter in network.parameters())
    assert not any(buffer.is_meta for buffer in network.buffers())


def test_a_file_that_does_not_fit_is_named(linear_release: Path, tmp_path: Path) -> None:
    tensors = load_file(linear_release)
    missing = tmp_path / "missing.safetensors"
    save_file({name: value for name, value in tensors.items() if name != "decoder_embed.bias"}, missing)
    surplus = tmp_path / "surplus.safetensors"
    save_file({**tensors, "downstream_head3.proj.weight": torch.zeros(2)}, surplus)
    short = tmp_path / "short.safetensors"
    short.write_bytes(linear_release.read_bytes()[:1000])
    pickled = tmp_path / "pickled.pth"
    torch.save({**tensors, "intruder": Path("elsewhere")}, pickled)
    strange = tmp_path / "strange.safetensors"
    save_file({"weight": torch.zeros(2)}, strange)
    for path, message in (
        (missing, r"1 tensors .* 'decoder\.decoder_embed\.bias' is absent, expected \(128,\)"),
        (surplus, r"1 tensors .* 'downstream_head3\.proj\.weight' is \(2,\), expected none"),
        (short, "cannot be read as safetensors"),
        (pickled, "holds something that is no tensor"),
        (strange, "is no release of DUSt3R"),
        (tmp_path / "absent.safetensors", "cannot be read as safetensors"),
    ):
        with pytest.raises(ZooError, match=message) as caught:
            load_dust3r(path)
        assert path.name in str(caught.value) and "\n" not in str(caught.value)


def in_folder(release: Path, entry: Entry, folder: Path) -> Entry:
    """The entry with the tiny file for its weights, which lies where the folder of weights is to have it."""
    assert entry.weights is not None
    target = folder / entry.weights.id.split("/")[1] / entry.weights.file
    target.parent.mkdir(parents=True)
    shutil.copy(release, target)
    sha256 = hashlib.sha256(release.read_bytes()).hexdigest()
    size = SIZES["ENCODER"]
    return replace(entry, channels=size.width, layer=size.depth - 1, weights=replace(entry.weights, sha256=sha256))


def test_the_extractor_gives_the_tokens_of_the_encoder(
    linear_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPLATBENCH_WEIGHTS", str(tmp_path))
    entry = in_folder(linear_release, DUST3R, tmp_path)
    extractor = registry.load(entry)
    golden = load_file(GOLDEN / "dust3r_linear.safetensors")
    for pair in ("square", "wide", "tall"):
        images = (RULE["images"](f"{pair}1", RULE["PAIRS"][pair][0]) + 1) / 2
        tokens = extractor(images, torch.zeros(2)).flatten(2).transpose(1, 2)
        kept = RULE["kept"]({"tokens": tokens})["tokens"]
        torch.testing.assert_close(kept, golden[f"{pair}.1.tokens"], rtol=1e-4, atol=1e-4)
    assert isinstance(load_dust3r(entry), Dust3r)


def test_absent_and_changed_weights_name_the_remedy(
    linear_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert DUST3R.weights is not None
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("SPLATBENCH_WEIGHTS", raising=False)
    absent = replace(DUST3R, weights=replace(DUST3R.weights, revision="0" * 40))
    for load in (registry.load, load_dust3r):
        with pytest.raises(ZooError, match=r"run `hf download naver/DUSt3R_\S+ model\.safetensors --revision 0+`") as e:
            load(absent)
        assert "DUSt3R_ViTLarge_BaseDecoder_512_dpt/model.safetensors in the folder that SPLATBENCH_WEIGHTS" in str(e)
    monkeypatch.setenv("SPLATBENCH_WEIGHTS", str(tmp_path))
    changed = replace(in_folder(linear_release, DUST3R, tmp_path), weights=DUST3R.weights)
    with pytest.raises(ZooError, match=r"has the SHA-256 [0-9a-f]{12}\.\.\., not 7c300a895341\.\.\.; remove it"):
        registry.load(changed)


def test_the_card_counts_the_parameters() -> None:
    with torch.device("meta"):
        encoder = Dust3r(head="linear").encoder
    assert sum(parameter.numel() for parameter in encoder.parameters()) == DUST3R.parameters


def test_every_normalisation_has_the_epsilon_of_the_public_code() -> None:
    """Drawn weights hardly feel it; trained ones, with tokens of small variance, would."""
    with torch.device("meta"):
        norms = [module for module in Dust3r().modules() if isinstance(module, nn.LayerNorm)]
    assert len(norms) == 24 * 2 + 1 + 2 * 12 * 4 + 1
    assert {norm.eps for norm in norms} == {1e-6}
