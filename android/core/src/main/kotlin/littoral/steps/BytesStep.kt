package littoral.steps

import littoral.InputError
import littoral.Tensor
import littoral.kind

/**
 * Text to the numbers of its UTF-8 bytes: each becomes its value + 1, so that 0 means padding; longer
 * texts are cut, shorter ones padded with 0 at the end.
 */
internal object BytesStep {
    fun prepare(fields: Fields): (Any) -> Tensor {
        val length = fields.expect(listOf("length")).read("length", Checks.whole())
        return { raw -> numbers(raw, length) }
    }

    private fun numbers(raw: Any, length: Int): Tensor {
        val encoded = when (raw) {
            is String -> raw.toByteArray(Charsets.UTF_8)
            is ByteArray -> raw
            else -> throw InputError("expected a text, came ${kind(raw)}")
        }
        return Tensor.of(
            IntArray(length) { if (it < encoded.size) (encoded[it].toInt() and 0xff) + 1 else 0 },
        )
    }
}
