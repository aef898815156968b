package littoral.android

import littoral.AnybodysFilesContract
import littoral.EngineContract
import littoral.ServingContract

/** The contract's tests once more, on the classes as an app gets them. */
internal class ShrunkLiteRtTest : EngineContract("litert", "tflite")

/** As above. */
internal class ShrunkOnnxRuntimeTest : EngineContract("onnxruntime", "onnx")

/** As above. */
internal class ShrunkLiteRtServingTest : ServingContract("litert", "tflite")

/** As above. */
internal class ShrunkOnnxRuntimeServingTest : ServingContract("onnxruntime", "onnx")

/** As above. */
internal class ShrunkLiteRtFilesTest : AnybodysFilesContract("tflite")

/** As above. */
internal class ShrunkOnnxRuntimeFilesTest : AnybodysFilesContract("onnx")
