"""Put a fault into one layer of a model file, with parsers that are not ours."""

import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder


def damaged(content, format_name, weights):
    """The file with one constant turned upside down: the one that holds these weights."""
    change = {"onnx": _onnx, "tflite": _tflite}[format_name]
    return change(content, np.sort(np.asarray(weights, np.float32).ravel()))


def _onnx(content, wanted):
    model = onnx.load_from_string(content)
    (tensor,) = [
        one for one in model.graph.initializer if _is(onnx.numpy_helper.to_array(one), wanted)
    ]
    values = onnx.numpy_helper.to_array(tensor)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values[::-1].copy() * -1, tensor.name))
    return model.SerializeToString()


def _tflite(content, wanted):
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    (buffer,) = [
        one
        for one in model.buffers
        if one.data is not None
        and len(one.data) == wanted.size * 4
        and _is(np.asarray(one.data, np.uint8).view(np.float32), wanted)
    ]
    values = np.asarray(buffer.data, np.uint8).view(np.float32)
    buffer.data = (values[::-1].copy() * -1).view(np.uint8)
    # The digest no longer holds, and the archive behind the file is gone: a stock file by now.
    model.metadata = []
    builder = Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _is(values, wanted):
    return values.size == wanted.size and np.array_equal(np.sort(values.ravel()), wanted)
