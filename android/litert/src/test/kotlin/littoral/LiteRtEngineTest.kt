package littoral

/** LiteRT in the suite that every engine goes through. */
internal class LiteRtEngineTest : EngineContract("litert", "tflite")
