"""DUSt3R: its encoder as an extractor, and the whole network for reconstruction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vfm_zoo.entry import Entry, Exposure, Licence, Weights
from vfm_zoo.errors import ZooError
from vfm_zoo.exposures import MEGADEPTH, closed
from vfm_zoo.inputs import half, imagenet
from vfm_zoo.pins import UNSTATED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from torch import Tensor, nn

    from vfm_zoo.networks.dust3r import Dust3r

CITATION = """@inproceedings{wang2024dust3r,
  title = {{DUSt3R}: Geometric {3D} Vision Made Easy},
  author = {Wang, Shuzhe and Leroy, Vincent and Cabon, Yohann and Chidlovskii, Boris and Revaud, Jerome},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2024},
  eprint = {2312.14132},
  archivePrefix = {arXiv},
}"""

CROCO_CITATION = """@inproceedings{weinzaepfel2023croco,
  title = {{CroCo} v2: Improved Cross-view Completion Pre-training for Stereo Matching and Optical Flow},
  author = {Weinzaepfel, Philippe and Lucas, Thomas and Leroy, Vincent and Cabon, Yohann and Arora, Vaibhav and
    Bregier, Romain and Csurka, Gabriela and Antsfeld, Leonid and Chidlovskii, Boris and Revaud, Jerome},
  booktitle = {IEEE/CVF International Conference on Computer Vision},
  year = {2023},
  eprint = {2211.10408},
  archivePrefix = {arXiv},
}"""

DATA = "README of naver/dust3r, 'Our Hyperparameters'; CHECKPOINTS_NOTICE of naver/mast3r"

DUST3R = Entry(
    name="dust3r",
    title="DUSt3R encoder (ViT-L, 512, DPT)",
    family="croco",
    loader=f"{__name__}:load",
    weights=Weights(
        source="hub",
        id="naver/DUSt3R_ViTLarge_BaseDecoder_512_dpt",
        file="model.safetensors",
        revision="61c57447d7b0adc8a1a30b2b0adec7a8935aa2a3",
        sha256="7c300a89534113436bde52732d3151212bcbd90f0aa3c8d1496f86d84bfe4b42",
    ),
    licence=Licence(
        "CC-BY-NC-SA-4.0",
        commercial=False,
        source="LICENSE and README of naver/dust3r; the licences of the training sets apply too",
    ),
    citation=CITATION,
    kind="learned",
    architecture="ViT-L/16 with rotary positions, no class token",
    parameters=303_098_880,
    stride=16,
    channels=1024,
    tokens="patch",
    layer=23,
    norm=True,
    blocks=24,
    input=half(16, native_side=512),
    supervision="points of image pairs",
    training_data="3-D",
    trained_on={"*": Exposure("not seen", DATA), "tanks_and_temples": MEGADEPTH},
)

CROCO = replace(
    DUST3R,
    name="croco_v2_l16",
    title="CroCo v2 encoder (ViT-L, before DUSt3R)",
    options={"within": "model"},
    weights=Weights(
        source="web",
        id="https://download.europe.naverlabs.com/ComputerVision/CroCo/CroCo_V2_ViTLarge_BaseDecoder.pth",
        file="CroCo_V2_ViTLarge_BaseDecoder.pth",
        note=UNSTATED,
    ),
    licence=Licence("CC-BY-NC-SA-4.0", commercial=False, source="LICENSE of naver/croco"),
    citation=CROCO_CITATION,
    input=imagenet(16, native_side=224),
    supervision="what one view hides, painted from another",
    trained_on={
        **closed("Habitat, MegaDepth, ARKitScenes, 3D Street View, IndoorVL", "paper, section 3.3"),
        "tanks_and_temples": MEGADEPTH,
    },
)

ENTRIES = (DUST3R, CROCO)

ENCODER = ("patch_embed.", "enc_blocks.", "enc_norm.")


def load(entry: Entry, device: str) -> nn.Module:
    """Tokens of the encoder, after its last normalisation; for MASt3R and CroCo too."""
    from vfm_zoo.loading.build import filled, untaught
    from vfm_zoo.loading.files import weights_file
    from vfm_zoo.loading.tensors import read_tensors
    from vfm_zoo.loading.timm_tokens import TimmTokens
    from vfm_zoo.networks.croco import LARGE_ENCODER, Size, build_encoder, encoder_size, encoder_tensors

    assert entry.layer is not None
    if entry.weights is None:
        size = Size(LARGE_ENCODER.width, entry.options.get("depth", LARGE_ENCODER.depth))
        return TimmTokens(untaught(lambda: build_encoder(size), entry.options["seed"]), entry.layer, norm=entry.norm)
    path = weights_file(entry)
    official = read_tensors(path, ENCODER, entry.options.get("within"))
    network = filled(lambda: build_encoder(encoder_size(official)), encoder_tensors(official), str(path))
    return TimmTokens(network, entry.layer, norm=entry.norm)


def load_dust3r(source: Entry | Path | str = DUST3R, device: str = "cpu") -> Dust3r:
    """The whole network, for pairs of photographs.

    Parameters
    ----------
    source
        An entry, whose file is found and checked by its digest, or the path of a ``model.safetensors``: that of
        ``naver/DUSt3R_ViTLarge_BaseDecoder_512_dpt``, ``..._512_linear`` or ``..._224_linear``. The file tells the
        head.
    device
        As PyTorch names it.

    Returns
    -------
    A module in evaluation mode, float32, without gradients; what it takes and gives: `Dust3r.forward`.

    Raises
    ------
    ZooError
        If the file is absent, another one, or no release of DUSt3R; one line with the remedy.
    """
    from vfm_zoo.loading.build import filled
    from vfm_zoo.networks.croco import decoder_size, encoder_size
    from vfm_zoo.networks.dust3r import Dust3r, network_tensors

    path, official = released_pair(source, "DUSt3R", lambda names: MATCHING_HEAD not in names)
    encoder, decoder = encoder_size(official), decoder_size(official)
    head: Literal["dpt", "linear"] = "linear" if "downstream_head1.proj.weight" in official else "dpt"
    return filled(lambda: Dust3r(encoder, decoder, head), network_tensors(official), str(path)).to(device)


# Which of the two a file holds, its names tell.
MATCHING_HEAD = "downstream_head1.head_local_features.fc1.weight"


def released_pair(
    source: Entry | Path | str, model: str, is_that: Callable[[Collection[str]], bool]
) -> tuple[Path, dict[str, Tensor]]:
    """Path and tensors of a network for pairs; `ZooError` where the file holds another."""
    from vfm_zoo.loading.files import weights_file
    from vfm_zoo.loading.tensors import read_tensors

    path = weights_file(source) if isinstance(source, Entry) else Path(source)
    official = read_tensors(path)
    if "dec_norm.weight" not in official or not is_that(official):
        raise ZooError(f"{path}: is no release of {model}; give its model.safetensors")
    return path, official
