"""Texts of `splatbench new-entry`; NAME stands for the entry's name."""

ENTRY = '''"""NAME: say in a line what it is."""

from vfm_zoo.registry import Entry, Exposure, Input, Licence

ENTRIES = [
    Entry(
        name="NAME",
        title="NAME",
        family="NAME",
        loader=f"{__name__}:load",
        licence=Licence("Apache-2.0", commercial=True, source="where you read the licence of the weights"),
        citation="",  # BibTeX, once it learned something
        kind="control",  # "learned" once it has weights
        architecture="averages of patches",
        parameters=0,
        stride=16,  # pixels of the input a token
        channels=3,
        tokens="map",  # "patch" for a transformer
        input=Input(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5), multiple_of=16),
        supervision="none",
        training_data="none",  # "2-D", "2.5-D" or "3-D"
        trained_on={"*": Exposure("not seen", "never trained")},
    )
]


def load(entry, device):
    """From normalised images [batch 3 height width] to tokens [batch channel row column]."""
    # Imports of heavy packages belong here: listing entries must stay quick.
    from torch.nn import functional

    def tokens(images, view_positions):
        return functional.avg_pool2d(images, entry.stride)

    return tokens
'''

TEST = '''"""NAME keeps what every extractor promises."""

from pathlib import Path

import pytest

from vfm_zoo import card, registry
from vfm_zoo.loading.contract import PROMISES

(ENTRY,) = registry.load_entry_file(Path(__file__).with_name("NAME.py"))


def test_the_card_is_complete():
    assert card.problems(ENTRY) == []


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.text)
def test_promises_are_kept(promise):
    assert promise.broken(registry.load(ENTRY), lambda: registry.load(ENTRY)) is None
'''

PAGE = """# NAME

What it is, who trained it on what, and under which licence its weights are.

- Try it: `splatbench check NAME --entry-file NAME.py`
- Look at it: `splatbench features NAME --images photographs/ --entry-file NAME.py`
- Measure it: `splatbench run --entry NAME --entry-file NAME.py --dataset studio`
"""
