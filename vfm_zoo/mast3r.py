"""MASt3R: its encoder as an extractor, and the whole network for reconstruction and matching."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vfm_zoo.dust3r import DUST3R, MATCHING_HEAD, released_pair
from vfm_zoo.entry import Entry, Exposure, Licence, Weights
from vfm_zoo.exposures import MEGADEPTH

if TYPE_CHECKING:
    from vfm_zoo.networks.mast3r import Mast3r

CITATION = """@inproceedings{leroy2024mast3r,
  title = {Grounding Image Matching in {3D} with {MASt3R}},
  author = {Leroy, Vincent and Cabon, Yohann and Revaud, Jerome},
  booktitle = {European Conference on Computer Vision},
  year = {2024},
  eprint = {2406.09756},
  archivePrefix = {arXiv},
}"""

DATA = "training command in the README of naver/mast3r"

MAST3R = replace(
    DUST3R,
    name="mast3r",
    title="MASt3R encoder (ViT-L, 512, metric)",
    weights=Weights(
        source="hub",
        id="naver/MASt3R_ViTLarge_BaseDecoder_512_catmlpdpt_metric",
        file="model.safetensors",
        revision="06e7259f34c3060f322df5cb0c7b9094f57e41fc",
        sha256="0a615eb05fa9db654050aa655945ee5696e7c6c1b7f93f1ee8c37249010f6feb",
    ),
    licence=Licence(
        "CC-BY-NC-SA-4.0",
        commercial=False,
        source="LICENSE and CHECKPOINTS_NOTICE of naver/mast3r; the licences of the training sets apply too, that of "
        "Map-free is very restrictive",
    ),
    citation=CITATION,
    supervision="points and matches of image pairs",
    trained_on={
        "*": Exposure("not seen", DATA),
        "dl3dv": Exposure("seen", f"{DATA}: 114,000 of 698,820 pairs an epoch; also in CHECKPOINTS_NOTICE"),
        "tanks_and_temples": MEGADEPTH,
    },
)

ENTRIES = (MAST3R,)


def load_mast3r(source: Entry | Path | str = MAST3R, device: str = "cpu") -> Mast3r:
    """The whole network, for pairs of photographs.

    Parameters
    ----------
    source
        An entry, whose file is found and checked by its digest, or the path of the ``model.safetensors`` of
        ``naver/MASt3R_ViTLarge_BaseDecoder_512_catmlpdpt_metric``.
    device
        As PyTorch names it.

    Returns
    -------
    A module in evaluation mode, float32, without gradients; what it takes and gives: `Mast3r`.

    Raises
    ------
    ZooError
        If the file is absent, another one, or no release of MASt3R; one line with the remedy.
    """
    from vfm_zoo.loading.build import filled
    from vfm_zoo.networks.croco import decoder_size, encoder_size
    from vfm_zoo.networks.dust3r import network_tensors
    from vfm_zoo.networks.mast3r import Mast3r

    path, official = released_pair(source, "MASt3R", lambda names: MATCHING_HEAD in names)
    encoder, decoder = encoder_size(official), decoder_size(official)
    return filled(lambda: Mast3r(encoder, decoder), network_tensors(official), str(path)).to(device)
