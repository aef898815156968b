package littoral

/** ONNX Runtime in the suite of anybody's files. */
internal class OnnxRuntimeFilesTest : AnybodysFilesContract("onnx")
