"""DUSt3R: its encoder as an extractor, and the whole network for reconstruction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from vfm_zoo.entry import Entry, Exposure, Input, Licence, Weights
from vfm_zoo.errors import ZooError

if TYPE_CHECKING:
    from torch import nn

    from vfm_zoo.networks.dust3r import Dust3r

CITATION = """@inproceedings{wang2024dust3r,
  title = {{DUSt3R}: Geometric {3D} Vision Made Easy},
  author = {Wang, Shuzhe and Leroy, Vincent and Cabon, Yohann and Chidlovskii, Boris and Revaud, Jerome},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year = {2024},
  eprint = {2312.14132},
  archivePrefix = {arXiv},
}"""

DATA = "README of naver/dust3r, 'Our Hyperparameters'; CHECKPOINTS_NOTICE of naver/mast3r"
MEGADEPTH = Exposure(
    "unknown",
    "trained on MegaDepth, whose archive holds the Tanks and Temples scenes (download notes of "
    "facebookresearch/map-anything); whether the pair list that was used has them is not known",
)

DUST3R = Entry(
    name="dust3r",
    title="DUSt3R encoder (ViT-L, 512, DPT)",
    family="croco",
    loader=f"{__name__}:load",
    weights=Weights(
        source="hub",  # type: ignore[arg-type]
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
    input=Input(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), multiple_of=16),
    supervision="points of image pairs",
    training_data="3-D",
    trained_on={"*": Exposure("not seen", DATA), "tanks_and_temples": MEGADEPTH},
)

ENTRIES = (DUST3R,)

ENCODER = ("patch_embed.", "enc_blocks.", "enc_norm.")


def load(entry: Entry, device: str) -> nn.Module:
    """Tokens of the encoder, after its last normalisation; for MASt3R too."""
    from vfm_zoo.loading.timm_tokens import TimmTokens
    from vfm_zoo.networks.croco import build_encoder, encoder_size, encoder_tensors
    from vfm_zoo.networks.released import filled, read_tensors, released_file

    path = released_file(entry)
    official = read_tensors(path, ENCODER)
    network = filled(lambda: build_encoder(encoder_size(official)), encoder_tensors(official), str(path))
    assert entry.layer is not None
    return TimmTokens(network, entry.layer, norm=True)


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
    from vfm_zoo.networks.croco import decoder_size, encoder_size
    from vfm_zoo.networks.dust3r import Dust3r, network_tensors
    from vfm_zoo.networks.released import filled, read_tensors, released_file

    path = released_file(source) if isinstance(source, Entry) else Path(source)
    official = read_tensors(path)
    if "downstream_head1.head_local_features.fc1.weight" in official or "dec_norm.weight" not in official:
        raise ZooError(f"{path}: is no release of DUSt3R; give its model.safetensors")
    encoder, decoder = encoder_size(official), decoder_size(official)
    head: Literal["dpt", "linear"] = "linear" if "downstream_head1.proj.weight" in official else "dpt"
    return filled(lambda: Dust3r(encoder, decoder, head), network_tensors(official), str(path)).to(device)
