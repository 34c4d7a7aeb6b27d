"""The same drawn weights in our path and in an independent one give the same tokens."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from vfm_zoo import registry
from vfm_zoo.entry import Entry
from vfm_zoo.loading.timm_models import make, timm_tensors


def grid(tokens: Tensor, rows: int, columns: int) -> Tensor:
    return tokens.transpose(1, 2).unflatten(2, (rows, columns))


def short(name: str, choice: str = "recommended") -> Entry:
    return registry.get_entry(name).chosen(choice).untaught()


def normalised(entry: Entry, images: Tensor) -> Tensor:
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (entry.input.mean, entry.input.std))
    return (images - mean) / std


@pytest.mark.parametrize("name", ["dinov2_s14", "dinov3_s16", "tipsv2_b14", "midas_l16", "eva02_b14"])
def test_intermediates_are_those_of_the_whole_forward(name: str) -> None:
    """timm's `forward_features` runs the network to its end; the last layer with its norm is what it returns."""
    entry = short(name)
    extractor = registry.load(entry)
    images = torch.rand(2, 3, 4 * entry.stride, 6 * entry.stride)
    network = extractor.tokens.network  # type: ignore[union-attr]
    with torch.no_grad():
        whole = network.forward_features(normalised(entry, images))[:, network.num_prefix_tokens :]
        if not entry.norm:
            kept = []
            hook = network.blocks[-1].register_forward_hook(lambda module, given, output: kept.append(output))
            network.forward_features(normalised(entry, images))
            hook.remove()
            whole = kept[0][:, network.num_prefix_tokens :]
    torch.testing.assert_close(extractor(images, torch.zeros(2)), grid(whole, 4, 6), rtol=1e-4, atol=1e-4)


def test_the_necks_output_is_sams_image_embedding() -> None:
    entry = short("sam_b16")
    extractor = registry.load(entry)
    images = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        expected = extractor.tokens.network.forward_features(normalised(entry, images))  # type: ignore[union-attr]
    torch.testing.assert_close(extractor(images, torch.zeros(1)), expected, rtol=1e-4, atol=1e-4)


def test_sam_is_metas_own_on_its_own_size() -> None:
    """Meta's package at a small size of its own, its tensors through timm's conversion."""
    encoder = pytest.importorskip("segment_anything.modeling").ImageEncoderViT
    torch.manual_seed(0)
    theirs = encoder(
        img_size=224, patch_size=16, embed_dim=96, depth=2, num_heads=2, out_chans=32, qkv_bias=True,
        use_rel_pos=True, window_size=14, global_attn_indexes=(1,),
    ).eval()  # fmt: skip
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.05)
    size = {"img_size": 224, "embed_dim": 96, "num_heads": 2, "neck_chans": 32, "global_attn_indexes": (1,)}
    entry = short("sam_b16")
    entry = Entry(**{**vars(entry), "options": {**entry.options, "network": size}, "channels": 32})
    ours = make(entry).eval()
    official = {f"image_encoder.{name}": value for name, value in theirs.state_dict().items()}
    ours.load_state_dict(dict(timm_tensors(entry, official)))
    images = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(ours.forward_features(images), theirs(images), rtol=1e-4, atol=1e-4)


def test_dinov2_is_that_of_transformers() -> None:
    """The same drawn weights under the names of transformers; on the native grid, where no table is resampled."""
    transformers = pytest.importorskip("transformers")
    entry = short("dinov2_s14")
    extractor = registry.load(entry)
    network = extractor.tokens.network  # type: ignore[union-attr]
    configuration = transformers.Dinov2Config(
        hidden_size=384, num_hidden_layers=2, num_attention_heads=6, image_size=518, patch_size=14
    )
    theirs = transformers.Dinov2Model(configuration).eval()
    ours = network.state_dict()
    tensors = {
        "embeddings.cls_token": ours["cls_token"],
        "embeddings.mask_token": torch.zeros(1, 384),
        "embeddings.position_embeddings": ours["pos_embed"],
        "embeddings.patch_embeddings.projection.weight": ours["patch_embed.proj.weight"],
        "embeddings.patch_embeddings.projection.bias": ours["patch_embed.proj.bias"],
        "layernorm.weight": ours["norm.weight"],
        "layernorm.bias": ours["norm.bias"],
    }
    for name in theirs.state_dict():
        if ".layer." not in name and ".layers." not in name:
            continue
        number = name.split("layer.")[-1].split("layers.")[-1].partition(".")[0]
        tensors[name] = of_block({k.removeprefix(f"blocks.{number}."): v for k, v in ours.items()}, name)
    theirs.load_state_dict(tensors)
    images = torch.rand(1, 3, 518, 518)
    with torch.no_grad():
        expected = theirs(normalised(entry, images)).last_hidden_state[:, 1:]
    torch.testing.assert_close(extractor(images, torch.zeros(1)), grid(expected, 37, 37), rtol=1e-4, atol=1e-4)


def of_block(block: dict[str, Tensor], name: str) -> Tensor:
    end = name.rpartition(".")[2]
    for index, part in enumerate(("query", "key", "value")):
        if f"{part}." in name or f"{part[0]}_proj." in name:
            return block[f"attn.qkv.{end}"].chunk(3)[index]
    pairs = {
        "output.dense": "attn.proj", "o_proj": "attn.proj", "norm1": "norm1", "norm2": "norm2", "mlp.fc1": "mlp.fc1",
        "mlp.fc2": "mlp.fc2",
    }  # fmt: skip
    if "lambda1" in name:
        return block["ls1.gamma" if "scale1" in name else "ls2.gamma"]
    return next(block[f"{ours}.{end}"] for theirs, ours in pairs.items() if theirs in name)


def test_clips_projected_tokens_are_those_of_open_clip() -> None:
    open_clip = pytest.importorskip("open_clip")
    entry = short("clip_b16")
    settings = dict(open_clip.get_model_config("ViT-B-16-quickgelu"))
    settings["vision_cfg"] = {**settings["vision_cfg"], "layers": 2}
    torch.manual_seed(0)
    visual = open_clip.CLIP(**settings).visual.eval()
    ours = make(entry).eval()
    ours.load_state_dict(dict(timm_tensors(entry, {f"visual.{k}": v for k, v in visual.state_dict().items()})))
    images = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        tokens = visual.forward_intermediates(images, indices=[1], normalize_intermediates=True, output_fmt="NLC")
        expected = tokens["image_intermediates"][0] @ visual.proj
        last = ours.forward_intermediates(images, indices=[1], norm=True, output_fmt="NLC", intermediates_only=True)[0]
        torch.testing.assert_close(ours.head(last), expected, rtol=1e-4, atol=1e-4)


def test_open_clips_own_tokens_are_its_intermediates() -> None:
    pytest.importorskip("open_clip")
    entry = short("clip_b16_dfn")
    extractor = registry.load(entry)
    visual = extractor.tokens.visual  # type: ignore[union-attr]
    images = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        found = visual.forward_intermediates(
            normalised(entry, images), indices=[1], normalize_intermediates=True, output_fmt="NLC"
        )
        expected = found["image_intermediates"][0] @ visual.proj
    torch.testing.assert_close(extractor(images, torch.zeros(1)), grid(expected, 14, 14), rtol=1e-4, atol=1e-4)


def test_the_generated_table_is_that_of_transformers() -> None:
    """MAE's released positions have the column in the first half; the library's function, made for many models, the row."""
    modeling = pytest.importorskip("transformers.models.vit_mae.modeling_vit_mae")
    if not hasattr(modeling, "build_2d_sinusoidal_position_embedding"):
        pytest.skip("this version of transformers makes the table elsewhere")
    from vfm_zoo.networks.mae import position_table

    rows_first = modeling.build_2d_sinusoidal_position_embedding(9, 14, 768)
    expected = torch.cat([rows_first[:, 384:], rows_first[:, :384]], dim=1)
    torch.testing.assert_close(position_table(9, 14, 768), expected, rtol=1e-5, atol=1e-5)


def test_the_papers_mae_equals_ours_where_the_table_is_the_released_one() -> None:
    """With the generated table in the network, both paths are one function at the native size."""
    from vfm_zoo.networks.mae import GeneratedPositions, position_table

    entry = short("mae_b16", "paper")
    network = registry.load(entry).tokens.network  # type: ignore[union-attr]
    network.pos_embed.data[:, :1] = 0
    network.pos_embed.data[:, 1:] = position_table(14, 14, 768)
    images = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        own = network.forward_intermediates(images, indices=[0], intermediates_only=True)[0]
        torch.testing.assert_close(GeneratedPositions(network, 0, False)(images, torch.zeros(1)), own)
    wide = GeneratedPositions(network, 0, False)(torch.rand(1, 3, 32, 64), torch.zeros(1))
    assert wide.shape == (1, 768, 2, 4)


def test_queries_keys_and_values_of_the_onnx_file_are_joined() -> None:
    from vfm_zoo.loading.onnx_vit import timm_names

    block = "backbone.encoder.layer.0."
    parts = {name: torch.full((2, 2), float(index)) for index, name in enumerate(("query", "key", "value"))}
    official = {f"{block}attention.attention.{name}.weight": value for name, value in parts.items()}
    official |= {"backbone.layernorm.bias": torch.ones(2), f"{block}layer_scale2.lambda1": torch.ones(2)}
    named = timm_names(official)
    assert set(named) == {"blocks.0.attn.qkv.weight", "norm.bias", "blocks.0.ls2.gamma"}
    assert named["blocks.0.attn.qkv.weight"][:, 0].tolist() == [0, 0, 1, 1, 2, 2]


def test_every_timm_entry_has_as_many_parameters_as_its_card_says() -> None:
    entries = [entry for entry in registry.list_entries() if "timm_name" in entry.options]
    assert len(entries) > 35
    for entry in {str(entry.options): entry for entry in entries}.values():
        with torch.device("meta"):
            count = sum(parameter.numel() for parameter in make(entry).parameters())
        assert count == pytest.approx(entry.parameters, rel=1e-3 if entry.kind == "learned" else 0.4), entry.name
