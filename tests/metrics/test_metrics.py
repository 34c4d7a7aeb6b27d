"""Metrics against closed forms and independent libraries."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import skimage
import torch
from skimage.metrics import structural_similarity

from benchmark.metrics import geometry, lpips
from benchmark.metrics.image import psnr, ssim, ssim_map
from benchmark.metrics.loss import photometric_loss
from benchmark.metrics.table import METRICS


def photograph() -> torch.Tensor:
    return torch.from_numpy(skimage.data.astronaut()[100:196, 100:228] / 255.0)


def noisy(image: torch.Tensor, strength: float = 0.1) -> torch.Tensor:
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0), dtype=image.dtype)
    return (image + strength * noise).clamp(0, 1)


def test_psnr_of_a_constant_error_is_its_closed_form():
    truth = torch.full((8, 9, 3), 0.5)
    assert float(psnr(truth + 0.1, truth)) == pytest.approx(20.0, abs=1e-4)
    assert math.isinf(float(psnr(truth, truth)))


def test_a_mask_leaves_out_what_lies_outside():
    truth = torch.full((8, 9, 3), 0.5, dtype=torch.float64)
    image = truth + 0.1
    image[:, 5:] = 0.0
    mask = torch.zeros(8, 9, dtype=torch.bool)
    mask[:, :5] = True
    assert float(psnr(image, truth, mask)) == pytest.approx(20.0, abs=1e-9)


def test_ssim_is_scikit_images_in_the_interior():
    truth = photograph()
    image = noisy(truth)
    _, expected = structural_similarity(
        image.numpy(),
        truth.numpy(),
        channel_axis=2,
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    ours = ssim_map(image, truth).numpy()
    np.testing.assert_allclose(ours[6:-6, 6:-6], expected[6:-6, 6:-6], atol=1e-9)


def test_ssim_of_a_picture_with_itself_is_one_and_the_mask_chooses():
    truth = photograph()
    assert float(ssim(truth, truth)) == pytest.approx(1.0, abs=1e-9)
    image = truth.clone()
    image[:, :64] = 0
    mask = torch.zeros(truth.shape[:2], dtype=torch.bool)
    mask[:, 80:] = True
    assert float(ssim(image, truth, mask)) == pytest.approx(1.0, abs=1e-9)
    assert float(ssim(image, truth)) < 0.8


def test_an_empty_mask_or_other_shapes_are_refused():
    image = photograph()
    with pytest.raises(ValueError, match="no pixel"):
        psnr(image, image, torch.zeros(image.shape[:2], dtype=torch.bool))
    with pytest.raises(ValueError, match="shape"):
        ssim(image, image[:-1])


def test_the_loss_is_its_formula_and_its_gradient_is_right():
    truth = photograph()[:13, :12]
    image = noisy(truth).requires_grad_()
    loss = photometric_loss(image, truth, 0.2)
    expected = 0.8 * (image - truth).abs().mean() + 0.2 * (1 - ssim(image, truth))
    torch.testing.assert_close(loss, expected, atol=1e-9, rtol=0)
    assert torch.autograd.gradcheck(lambda values: photometric_loss(values, truth, 0.2), (image,))


def test_point_errors_of_hand_made_clouds():
    true = np.array([[0.0, 0, 0], [10, 0, 0], [20, 0, 0], [30, 0, 0]])
    fitted = true + np.array([[0, 1.0, 0], [0, 1, 0], [0, 3, 0], [-30, 0, 0]])
    errors = geometry.point_errors(fitted, true)
    # The last fitted point lies on the first true one; the last true one is 10 and 3 from the third fitted.
    assert errors.accuracy == pytest.approx((1 + 1 + 3 + 0) / 4)
    assert errors.accuracy_median == pytest.approx(1)
    assert errors.completeness == pytest.approx((0 + 1 + 3 + math.hypot(10, 3)) / 4)
    assert errors.distance == pytest.approx((1 + 1 + 3 + 30) / 4)
    assert errors.distance_median == pytest.approx(2)


def test_a_similarity_is_undone_by_the_alignment():
    from scipy.spatial.transform import Rotation

    generator = np.random.default_rng(0)
    source = generator.normal(size=(50, 3))
    target = 2.5 * source @ Rotation.from_euler("xyz", [20, -50, 110], degrees=True).as_matrix().T + [1, -2, 3]
    np.testing.assert_allclose(geometry.align(source, target), target, atol=1e-10)


def test_the_alignment_never_mirrors():
    source = np.random.default_rng(0).normal(size=(50, 3))
    mirrored = source * [1, 1, -1]
    aligned = geometry.align(source, mirrored)
    # A rotation and a scale cannot bring a cloud onto its mirror image.
    assert np.linalg.norm(aligned - mirrored, axis=1).mean() > 0.3


def test_points_that_are_not_finite_are_named():
    points = np.zeros((4, 3))
    broken = points.copy()
    broken[2, 1] = np.nan
    with pytest.raises(ValueError, match="fitted: point 2"):
        geometry.point_errors(broken, points)
    with pytest.raises(ValueError, match="shapes"):
        geometry.point_errors(points[:3], points)


def test_lpips_is_absent_with_its_reason_where_its_weights_are(monkeypatch, tmp_path):
    monkeypatch.setenv("SPLATBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    lpips.unavailable.cache_clear()
    try:
        value, reason = lpips.lpips(photograph().float(), photograph().float())
        assert value is None
        assert "vgg16-397923af.pth" in reason and "SPLATBENCH_WEIGHTS" in reason
        (tmp_path / "vgg16-397923af.pth").write_bytes(b"not the file")
        lpips.unavailable.cache_clear()
        assert "SHA-256" in lpips.unavailable()
    finally:
        lpips.unavailable.cache_clear()


def test_lpips_sees_pictures_in_the_range_that_it_was_made_for():
    image = photograph().float()
    signed = lpips.to_signed(image)
    assert signed.shape == (1, 3, *image.shape[:2])
    assert float(signed.min()) == pytest.approx(2 * float(image.min()) - 1)
    assert float(signed.max()) == pytest.approx(2 * float(image.max()) - 1)


def test_the_table_loads_without_torch_and_names_itself():
    code = "import sys, benchmark.metrics.table; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
    assert all(name == metric.name for name, metric in METRICS.items())
