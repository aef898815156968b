"""Reads a .tflite with tools that are not ours; run in an environment of their own.

Usage: python foreign_tflite_reader.py MODEL PICTURE.npy PLAIN_MODEL. Prints one JSON object: what
the tool's classifier says of the picture and, from the tool that has a metadata reader, metadata
and labels, and those again after the tool moved them into a model without any.
"""

import json
import sys

import numpy as np

MODEL, PICTURE, PLAIN = sys.argv[1:]


def tflite_support():
    from tflite_support import metadata
    from tflite_support.task import vision

    classifier = vision.ImageClassifier.create_from_file(MODEL)
    found = classifier.classify(vision.TensorImage.create_from_array(np.load(PICTURE)))
    with open(MODEL, "rb") as ours, open(PLAIN, "rb") as plain:
        ours, plain = ours.read(), plain.read()
    populator = metadata.MetadataPopulator.with_model_buffer(plain)
    populator.load_metadata_and_associated_files(ours)
    populator.populate()
    return {
        "categories": categories(found.classifications[0]),
        "read": read(metadata, ours),
        "moved": read(metadata, bytes(populator.get_model_buffer())),
    }


def read(metadata, content):
    displayer = metadata.MetadataDisplayer.with_model_buffer(content)
    names = displayer.get_packed_associated_file_list()
    files = {name: displayer.get_associated_file_buffer(name).decode() for name in names}
    return {"metadata": json.loads(displayer.get_metadata_json()), "files": files}


def mediapipe():
    import mediapipe

    with mediapipe.tasks.vision.ImageClassifier.create_from_model_path(MODEL) as classifier:
        pixels = np.load(PICTURE)
        picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)
        return {"categories": categories(classifier.classify(picture).classifications[0])}


def categories(head):
    return [[each.category_name, each.score] for each in head.categories]


print(json.dumps(tflite_support() if sys.version_info < (3, 12) else mediapipe()))
