package littoral

/** LiteRT in the suite of streams, pools and measuring. */
internal class LiteRtServingTest : ServingContract("litert", "tflite")
