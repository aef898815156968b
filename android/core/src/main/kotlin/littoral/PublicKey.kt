package littoral

import littoral.formats.hex
import java.security.MessageDigest
import kotlin.io.encoding.Base64

/** The Ed25519 key that a signed model file is checked with. */
public class PublicKey private constructor(private val raw: ByteArray) {
    /** SHA-256 of the key's 32 raw bytes, 64 hex digits: what a signed file names its key by. */
    public val id: String = hex(MessageDigest.getInstance("SHA-256").digest(raw))

    internal fun verifies(signature: ByteArray, message: ByteArray): Boolean =
        Ed25519.verifies(raw, signature, message)

    override fun equals(other: Any?): Boolean = other is PublicKey && id == other.id

    override fun hashCode(): Int = id.hashCode()

    override fun toString(): String = "PublicKey(${id.take(SHOWN)}...)"

    /** Ways to read one. */
    public companion object {
        private const val RAW_BYTES = 32
        private const val FORMS = "an Ed25519 public key as PEM, DER, base64 or 32 raw bytes"
        internal const val SHOWN = 16

        /** What precedes the key in a SubjectPublicKeyInfo of Ed25519 (RFC 8410, section 4). */
        private val DER_HEAD = bytes(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00)
        private val SSH_HEAD = bytes(0, 0, 0, 11) + "ssh-ed25519".toByteArray() + bytes(0, 0, 0, 32)

        /**
         * Read a key from its text: base64, PEM, or an OpenSSH line.
         *
         * @throws InputError No such key.
         */
        public fun of(text: String): PublicKey =
            parsed(text) ?: throw InputError("trust: ${quoted(text.take(SHOWN))}: expected $FORMS")

        /**
         * Read a key from the content of a file: 32 raw bytes, DER, or any of the texts.
         *
         * @throws InputError No such key.
         */
        public fun of(content: ByteArray): PublicKey {
            val key = if (content.size == RAW_BYTES) {
                PublicKey(content.copyOf())
            } else {
                bare(content) ?: parsed(String(content, Charsets.UTF_8))
            }
            return key ?: throw InputError("trust: ${content.size} bytes: expected $FORMS")
        }

        private fun parsed(text: String): PublicKey? {
            if ("PRIVATE KEY-----" in text) {
                throw InputError("trust is given a private key: keep that to yourself, give the public one")
            }
            val lines = text.split('\n').filter { !it.startsWith("-----") }
            val words = lines.joinToString("") { it.trim() }.split(Regex("\\s+")).filter { it.isNotEmpty() }
            val body = (if (words.firstOrNull() == "ssh-ed25519") words.drop(1) else words).firstOrNull()
            return try {
                body?.let { bare(Base64.decode(it)) }
            } catch (_: IllegalArgumentException) {
                null
            }
        }

        /** The key without what a form puts in front of it. */
        private fun bare(body: ByteArray): PublicKey? = listOf(DER_HEAD, SSH_HEAD, ByteArray(0))
            .firstOrNull { body.size == it.size + RAW_BYTES && body.copyOf(it.size).contentEquals(it) }
            ?.let { PublicKey(body.copyOfRange(it.size, body.size)) }

        private fun bytes(vararg values: Int): ByteArray = ByteArray(values.size) { values[it].toByte() }
    }
}
