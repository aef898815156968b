package littoral

import littoral.formats.Format
import littoral.formats.hex
import java.security.MessageDigest

/**
 * The seal of a model file: a record of 192 bytes with magic (16), SHA-256 digest (32), Ed25519
 * signature (64), key id (32) and zero padding (48).
 *
 * The digest covers the whole file with the digest's own bytes as zeros. What is signed is the 16
 * bytes `LITTORAL-SIGN-1` and NUL, then the SHA-256 of the file with digest and signature as zeros.
 *
 * A digest proves that nothing was changed by accident. It proves nothing about who wrote the file; a
 * signature does, to whom knows the key.
 */
internal class Integrity(private val content: ByteArray, private val format: Format) {
    private val span = format.sealSpan(content)

    /**
     * Compare the file's bytes with the digest that it carries.
     *
     * @return The digest in hex; null for a file that is not ours and never had one.
     * @throws IntegrityError A byte changed, or there is a card or part of a seal but no intact seal.
     */
    fun check(): String? {
        if (span == null) {
            if (!format.sealTraces(content)) return null
            throw IntegrityError("the file was made by littoral but its seal is missing or damaged: $AGAIN")
        }
        val record = record(span)
        val digest = hash(span, without(record, DIGEST))
        val said = record.sliceArray(DIGEST)
        if (!digest.contentEquals(said)) {
            throw IntegrityError(
                "the file was changed after it was written: its digest is ${hex(digest).take(SHOWN)}..., " +
                    "its seal says ${hex(said).take(SHOWN)}...; $AGAIN",
            )
        }
        return hex(digest)
    }

    /**
     * Check that the file is, byte for byte, what the owner of a trusted key signed.
     *
     * @return The id of the key that signed it.
     * @throws IntegrityError Not signed, signed by another key, or changed since.
     */
    fun checkSignature(trusted: List<PublicKey>): String {
        val named = if (check() == null) null else keyId()
        if (named == null || span == null) {
            throw IntegrityError("the file is not signed, and trust demands a signature")
        }
        val short = named.take(PublicKey.SHOWN)
        val key = trusted.firstOrNull { it.id == named } ?: throw IntegrityError(
            "the file is signed by key $short..., trusted is only " +
                trusted.joinToString { "${it.id.take(PublicKey.SHOWN)}..." },
        )
        val record = record(span)
        val message = SIGNED + hash(span, without(record, DIGEST, SIGNATURE))
        if (!key.verifies(record.sliceArray(SIGNATURE), message)) {
            throw IntegrityError(
                "the file was changed after key $short... signed it: " +
                    "card, weights or graph are not what was signed; $AGAIN",
            )
        }
        return named
    }

    private fun keyId(): String? = span?.let { record(it).sliceArray(KEY_ID) }
        ?.takeIf { id -> id.any { it != 0.toByte() } }?.let(::hex)

    private fun record(span: IntRange): ByteArray =
        format.decodeSeal(content.sliceArray(span))?.takeIf(::isPlausible)
            ?: throw IntegrityError("the file's seal is damaged: $AGAIN")

    /** SHA-256 of the file with this record in the seal's place. */
    private fun hash(span: IntRange, record: ByteArray): ByteArray {
        val digest = MessageDigest.getInstance("SHA-256")
        digest.update(content, 0, span.first)
        digest.update(format.encodeSeal(record))
        digest.update(content, span.last + 1, content.size - span.last - 1)
        return digest.digest()
    }

    private fun without(record: ByteArray, vararg parts: IntRange): ByteArray =
        record.copyOf().also { blank -> parts.forEach { blank.fill(0, it.first, it.last + 1) } }

    /** The magic and padding are right, and there is no signature without a key or the reverse. */
    private fun isPlausible(record: ByteArray): Boolean {
        fun any(range: IntRange) = range.any { record[it] != 0.toByte() }
        return MAGIC.indices.all { record[it] == MAGIC[it] } && !any(PADDING) &&
            any(SIGNATURE) == any(KEY_ID)
    }

    private companion object {
        const val AGAIN = "get the file again from where it came"
        const val SHOWN = 12
        const val RECORD_BYTES = 192
        val MAGIC = "LITTORAL-SEAL-1\u0000".toByteArray()
        val SIGNED = "LITTORAL-SIGN-1\u0000".toByteArray()
        val DIGEST = 16 until 48
        val SIGNATURE = 48 until 112
        val KEY_ID = 112 until 144
        val PADDING = 144 until RECORD_BYTES
    }
}
