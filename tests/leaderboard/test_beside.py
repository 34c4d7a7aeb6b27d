"""Published beside measured: found under either name, never where a row has holes."""

from __future__ import annotations

from leaderboard.beside import published_beside_measured
from leaderboard.cards import Catalogue
from leaderboard.content import collect
from leaderboard.matrices import agreements

CATALOGUE = Catalogue({"dinov2": {"measured_as": "dinov2_b14"}}, {}, {})


def test_found_under_the_name_of_the_paper(record):
    printed = record("dinov2", "mean", psnr=19.5, made_by="published", protocol="published")
    measured = [record("dinov2_b14", scene, psnr=psnr) for scene, psnr in (("a", 20.0), ("b", 21.0))]
    other = record("net", psnr=20)
    (pair,) = published_beside_measured(collect([printed, other, *measured], CATALOGUE), "dinov2_b14")
    assert (pair.published, pair.measured, pair.difference) == (19.5, 20.5, 1.0)
    assert pair.board.protocol == "lite"
    # A mean over holes is no number to compare.
    holes = [measured[0], record("net", "b", psnr=20)]
    assert published_beside_measured(collect([printed, other, *holes], CATALOGUE), "dinov2_b14") == []


def test_agreement_of_published_and_measured_orders(record):
    names = ["dinov2", "one", "two", "three"]
    printed = [record(name, "mean", psnr=20 + i, made_by="published", protocol="p") for i, name in enumerate(names)]
    ours = [record(CATALOGUE.measured_name(name), psnr=25 + i) for i, name in enumerate(names)]
    (found,) = agreements(collect([*printed, *ours], CATALOGUE), CATALOGUE.measured_name)
    assert found.correlation.value == 1 and found.correlation.count == 4
    # Twenty-four orders, of which the same and the opposite are as far from zero.
    assert found.correlation.probability == 2 / 24
    # Two published boards are no comparison.
    twice = [record(name, "mean", psnr=20, made_by="published", protocol="q") for name in names]
    assert agreements(collect([*printed, *twice], CATALOGUE), CATALOGUE.measured_name) == []
