"""Every number of the method, in one place: `paper`, `strict`, `lite` and their variations as frozen values.

A difference between protocols is a value here, never an ``if protocol == ...`` in the code. The digest of these values
is part of every key, so a changed number never reuses an old result. `scenes` holds what both tracks share.
"""

from typing import Literal, overload

from benchmark.protocols.feat2gs import (
    CAPACITY_LAYERS,
    CAPACITY_WIDTHS,
    LITE,
    PAPER,
    PROTOCOLS,
    STRICT,
    Concatenate,
    Evaluate,
    JointFit,
    Protocol,
    Rates,
    Readout,
    Reduce,
    Start,
    TestPoses,
    Upsample,
    WarmStart,
    get_feature_protocol,
)
from benchmark.protocols.lrf import LATENT_PROTOCOLS, LatentProtocol, get_latent_protocol
from benchmark.protocols.scenes import (
    Alignment,
    Feedforward,
    Images,
    Motion,
    Pairs,
    Reconstruct,
    Sanity,
    SparseAlignment,
    Stereo,
)

__all__ = [
    "CAPACITY_LAYERS",
    "CAPACITY_WIDTHS",
    "LATENT_PROTOCOLS",
    "LITE",
    "PAPER",
    "PROTOCOLS",
    "STRICT",
    "Alignment",
    "Concatenate",
    "Evaluate",
    "Feedforward",
    "Images",
    "JointFit",
    "LatentProtocol",
    "Motion",
    "Pairs",
    "Protocol",
    "Rates",
    "Readout",
    "Reconstruct",
    "Reduce",
    "Sanity",
    "SparseAlignment",
    "Start",
    "Stereo",
    "TestPoses",
    "Track",
    "Upsample",
    "WarmStart",
    "get_protocol",
]

Track = Literal["feat2gs", "lrf"]


@overload
def get_protocol(name: str, track: Literal["feat2gs"] = "feat2gs") -> Protocol: ...
@overload
def get_protocol(name: str, track: Literal["lrf"]) -> LatentProtocol: ...
def get_protocol(name: str, track: Track = "feat2gs") -> Protocol | LatentProtocol:
    """The protocol of a track called ``name``; an unknown name answers with the nearest ones."""
    return get_latent_protocol(name) if track == "lrf" else get_feature_protocol(name)
