"""Every number of the method, in one place: `paper`, `strict`, `lite` and their variations as frozen values.

A difference between protocols is a value here, never an ``if protocol == ...`` in the code. The digest of these values
is part of every key, so a changed number never reuses an old result. `scenes` holds what both tracks share.
"""

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
    get_protocol,
)
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
    "Upsample",
    "WarmStart",
    "get_protocol",
]
