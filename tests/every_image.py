"""Every function of `keras.ops` over pictures that `operation_models` has no model of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from every_operation import EVERY, heads, on
from keras import ops
from operation_models import PICTURE, VECTORS, inside, turned

__all__ = ["EVERY"]

_RANDOM = np.random.default_rng(4)
KERNEL = _RANDOM.normal(size=(3, 3, 3, 4)).astype("float32")
PAGE = _RANDOM.normal(size=(6, 7)).astype("float32")
SPIN = np.array([[1.8, 0.2, 0.74, -0.4, 2.2, -3.69, 0.01, 0.02]], "float32")
SHIFT = np.array([[1, 0, -9, 0, 1, 13, 0, 0]], "float32")
CORNERS = np.array([[[0, 0], [0, 5], [5, 0], [5, 5]]], "float32")


def _first(x: Any) -> Any:
    return ops.transpose(x, (0, 3, 1, 2))


on(
    PICTURE,
    adaptive_average_pool=lambda x: ops.adaptive_average_pool(x, (4, 3)),
    adaptive_max_pool=lambda x: ops.adaptive_max_pool(x, (4, 3)),
    average_pool=lambda x: ops.average_pool(x, 3, 2, padding="same"),
    max_pool=lambda x: ops.max_pool(x, 3, 2, padding="same"),
    conv=lambda x: ops.conv(x, KERNEL, 2, padding="same"),
    depthwise_conv=lambda x: ops.depthwise_conv(x, KERNEL[..., :2]),
    separable_conv=lambda x: ops.separable_conv(
        x, KERNEL[..., :2], np.ones((1, 1, 6, 4), "float32")
    ),
    depth_to_space=lambda x: ops.depth_to_space(ops.tile(x, (1, 1, 1, 4)), 2),
    space_to_depth=lambda x: ops.space_to_depth(x, 2),
    fold=lambda x: ops.fold(ops.reshape(x, (-1, 12, 9)), (6, 6), 2, stride=2),
    fold__uneven=lambda x: ops.fold(
        ops.reshape(ops.tile(x, (1, 1, 3, 1)), (-1, 54, 6)), (7, 6), (2, 3), (2, 1), (1, 0), (3, 2)
    ),
    unfold__uneven=lambda x: ops.unfold(_first(x), (3, 2), (1, 2), (1, 0), (2, 1)),
)


def _transformed(kind: str, edge: str, transform: Any) -> Callable[[Any], Any]:
    return lambda x: ops.image.affine_transform(x, transform, kind, edge, 0.2)


def _looked_up(order: int, edge: str) -> Callable[[Any], Any]:
    """Numbers of a page, at places that the data says."""

    def look_up(x: Any) -> Any:
        places = ops.transpose(heads(2 * x + 1)[..., :2], (3, 0, 1, 2))
        return ops.image.map_coordinates(ops.array(PAGE), places, order, edge)

    return look_up


for _edge in ("constant", "nearest", "wrap", "reflect"):
    for _order, _kind in enumerate(("nearest", "bilinear")):
        _name = f"image.affine_transform__{_kind}_{_edge}"
        on(PICTURE, **{f"{_name}_spin": _transformed(_kind, _edge, SPIN)})
        on(PICTURE, **{f"{_name}_shift": _transformed(_kind, _edge, SHIFT)})
        on(VECTORS, **{f"image.map_coordinates__{_order}_{_edge}": _looked_up(_order, _edge)})
for _kind in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5", "area"):
    on(PICTURE, **{f"image.resize__{_kind}": lambda x, k=_kind: ops.image.resize(x, (4, 9), k)})
on(
    PICTURE,
    **{
        "image.affine_transform__first": lambda x: ops.image.affine_transform(
            _first(x), SPIN, data_format="channels_first"
        ),
        "image.perspective_transform": lambda x: ops.image.perspective_transform(
            x, CORNERS, CORNERS * 0.8 + 0.3, "nearest", 0.3
        ),
        "image.crop_images": lambda x: ops.image.crop_images(
            x, 1, 1, target_height=3, target_width=4
        ),
        "image.pad_images": lambda x: ops.image.pad_images(
            x, 1, 2, target_height=9, target_width=10
        ),
        "image.extract_patches": lambda x: ops.image.extract_patches(x, (2, 3), (1, 2)),
        "image.extract_patches__same": lambda x: ops.image.extract_patches(x, 2, 1, 2, "same"),
        "image.extract_patches_3d": lambda x: ops.image.extract_patches_3d(
            ops.reshape(x, (-1, 6, 3, 2, 3)), (2, 2, 1)
        ),
        "image.gaussian_blur": lambda x: ops.image.gaussian_blur(x, (3, 5), (1.0, 2.0)),
        "image.hsv_to_rgb": lambda x: ops.image.hsv_to_rgb(
            ops.sigmoid(_first(x)), "channels_first"
        ),
        "image.rgb_to_grayscale": ops.image.rgb_to_grayscale,
        "image.rgb_to_hsv": lambda x: ops.image.rgb_to_hsv(
            ops.sigmoid(_first(x)), "channels_first"
        ),
        "image.scale_and_translate": lambda x: ops.image.scale_and_translate(
            x,
            (1, 5, 4, 3),
            np.array([0.8, 0.7], "float32"),
            np.zeros(2, "float32"),
            (1, 2),
            "cubic",
        ),
        "image.sobel_edges": ops.image.sobel_edges,
        "image.ssim": lambda x: ops.image.ssim(inside(x), turned(inside(x)), 2.0, filter_size=3),
    },
)
