package littoral

/** ONNX Runtime in the suite that every engine goes through. */
internal class OnnxRuntimeEngineTest : EngineContract("onnxruntime", "onnx")
