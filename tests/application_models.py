"""One model of every family of `keras.applications`, small, with weights that say something."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np

SMALLEST = {
    "convnext": ("ConvNeXtTiny", 32),
    "densenet": ("DenseNet121", 32),
    "efficientnet": ("EfficientNetB0", 32),
    "efficientnet_v2": ("EfficientNetV2B0", 32),
    "inception_resnet_v2": ("InceptionResNetV2", 75),
    "inception_v3": ("InceptionV3", 75),
    "mobilenet": ("MobileNet", 32),
    "mobilenet_v2": ("MobileNetV2", 32),
    "mobilenet_v3": ("MobileNetV3Small", 32),
    "nasnet": ("NASNetMobile", 32),
    "resnet": ("ResNet50", 32),
    "resnet_v2": ("ResNet50V2", 32),
    "vgg16": ("VGG16", 32),
    "vgg19": ("VGG19", 32),
    "xception": ("Xception", 71),
}
"""By module of `keras.applications`: its smallest model, and the smallest picture that it takes."""

CLASSES = 10


def _make(name: str, size: int) -> Any:
    family = getattr(keras.applications, name)
    return family(
        weights=None, input_shape=(size, size, 3), classes=CLASSES, classifier_activation=None
    )


MODELS: dict[str, Callable[[], Any]] = {
    module: partial(_make, name, size) for module, (name, size) in SMALLEST.items()
}


def settle(model: Any, batch: Any) -> Any:
    """Give every BatchNormalization the scale of a batch, and weights of its own.

    Fresh statistics normalize nothing, so that a deep network's values fade or overflow on their
    way. One mean square for all channels keeps their scale, and does not blow up the small
    differences between samples of noise as statistics by channel would.

    Args:
        model: A fresh model.
        batch: Pictures, (samples, height, width, 3).

    Returns:
        The model.
    """
    random = np.random.default_rng(3)
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for layer in layers:
        if layer.gamma is not None:
            layer.gamma.assign(random.uniform(0.7, 1.4, layer.gamma.shape))
        layer.beta.assign(random.normal(scale=0.2, size=layer.beta.shape))
        object.__setattr__(layer, "call", partial(_measure, layer, layer.call))
    model(batch, training=False)
    for layer in layers:
        object.__delattr__(layer, "call")
    return model


def _measure(layer: Any, call: Callable[..., Any], inputs: Any, **options: Any) -> Any:
    """Take the statistics of a layer's inputs before it normalizes them."""
    scale = float(np.mean(np.square(inputs)))
    layer.moving_variance.assign(np.full(layer.moving_variance.shape, scale))
    return call(inputs, **options)
