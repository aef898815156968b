package littoral

import littoral.formats.sniff
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory
import java.io.File
import java.security.KeyPairGenerator
import java.security.Signature
import java.util.Base64

@Suppress("UNCHECKED_CAST")
internal class IntegrityTest {
    private val file = File(Golden.repository, "tests/golden/seals.json")
    private val seals = Golden.parse(file.readText()) as Map<String, Any?>
    private val key = PublicKey.of(seals["public_key"].toString())

    @Test
    fun `a key is named by its digest`() {
        assertEquals(seals["key_id"], key.id)
    }

    @TestFactory
    fun `sealed, signed and damaged files as in Python`(): List<DynamicTest> =
        (seals["cases"] as List<Map<String, Any?>>).flatMap { case ->
            listOf("without_trust" to emptyList(), "with_trust" to listOf(key)).map { (way, trust) ->
                dynamicTest("${case["name"]} $way") {
                    val content = Base64.getDecoder().decode(case["file"].toString())
                    val outcome = outcome(content, trust)
                    // Where damage shows first is not part of the agreement, that it shows is.
                    if (case[way] ==
                        "damaged"
                    )
                        assertFalse(outcome == "ok")
                    else
                        assertEquals(case[way], outcome)
                }
            }
        }

    private fun outcome(content: ByteArray, trust: List<PublicKey>): String = try {
        val integrity = Integrity(content, sniff(content))
        if (trust.isEmpty()) integrity.check() else integrity.checkSignature(trust)
        "ok"
    } catch (error: ModelError) {
        OUTCOMES.entries.firstOrNull { (words, _) -> words in error.message }?.value ?: error.message
    }

    @Test
    fun `signatures of another implementation, and forged ones`() {
        val pair = KeyPairGenerator.getInstance("Ed25519").generateKeyPair()
        val public = PublicKey.of(pair.public.encoded)
        for (size in listOf(0, 1, 48, 5000)) {
            val message = ByteArray(size) { (it * 31).toByte() }
            val signature = Signature.getInstance("Ed25519").run {
                initSign(pair.private)
                update(message)
                sign()
            }
            assertTrue(public.verifies(signature, message))
            assertFalse(public.verifies(signature, message + 1))
            assertFalse(key.verifies(signature, message))
            for (at in listOf(0, 31, 32, 63)) {
                val forged = signature.copyOf().also { it[at] = (it[at].toInt() xor 1).toByte() }
                assertFalse(public.verifies(forged, message))
            }
        }
    }

    @Test
    fun `a key in every form that people have it in`() {
        val raw = Base64.getDecoder().decode(seals["public_key"].toString())
        val der = Base64.getDecoder().decode("MCowBQYDK2VwAyEA") + raw
        val body = Base64.getEncoder().encodeToString(der)
        val pem = "-----BEGIN PUBLIC KEY-----\n$body\n-----END PUBLIC KEY-----\n"
        val ssh = byteArrayOf(0, 0, 0, 11) + "ssh-ed25519".toByteArray() + byteArrayOf(0, 0, 0, 32) + raw
        val line = "ssh-ed25519 ${Base64.getEncoder().encodeToString(ssh)} me@here"
        assertEquals(
            List(5) {
                key
            },
            listOf(raw, der, pem.toByteArray()).map(PublicKey::of) + listOf(pem, line).map(PublicKey::of),
        )
        for (text in listOf("", "nothing", "AAAA", "-----BEGIN PRIVATE KEY-----\nAAAA\n")) {
            assertThrows(InputError::class.java) { PublicKey.of(text) }
        }
    }

    private companion object {
        val OUTCOMES = mapOf(
            "after it was written" to "changed",
            "seal is missing" to "no seal",
            "is not signed" to "unsigned",
            "trusted is only" to "unknown key",
            "signed it" to "bad signature",
        )
    }
}
