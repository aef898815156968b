package littoral

/** ONNX Runtime in the suite of streams, pools and measuring. */
internal class OnnxRuntimeServingTest : ServingContract("onnxruntime", "onnx")
