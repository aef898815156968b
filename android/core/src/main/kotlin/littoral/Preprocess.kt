package littoral

import littoral.steps.AudioStep
import littoral.steps.BytesStep
import littoral.steps.Fields
import littoral.steps.ImageStep
import littoral.steps.LogMelStep
import littoral.steps.MfccStep
import littoral.steps.StandardizeStep
import littoral.steps.TabularStep
import littoral.steps.VocabularyStep

/**
 * From what a person has (a photo, a recording, a line of a table, a text) to a model's input, by the
 * steps of the model's card. What a step's settings mean is written in the Python file of its name.
 */
public object Preprocess {
    /**
     * Run a card's steps one after the other.
     *
     * @param preprocessing Steps as the card holds them; none at all passes a tensor through.
     * @param raw What the first step takes.
     * @return One sample, without a batch axis.
     * @throws InputError An unknown step or setting, or data that a step cannot take.
     */
    public fun apply(preprocessing: List<Map<String, Any?>>, raw: Any): Tensor {
        val steps = preprocessing.map(::prepared) // all are checked before any data is touched
        val value = steps.fold(raw) { value, step -> step(value) }
        return value as? Tensor
            ?: throw InputError("expected a tensor, came ${kind(value)}: the card names no step for it")
    }

    internal fun prepared(step: Map<String, Any?>): (Any) -> Tensor {
        val fields = Fields(step)
        return when (step["step"]) {
            "audio" -> AudioStep.prepare(fields)
            "bytes" -> BytesStep.prepare(fields)
            "image" -> ImageStep.prepare(fields)
            "log_mel" -> LogMelStep.frames(fields).let { frames -> { raw -> frames.of(raw) } }
            "mfcc" -> MfccStep.frames(fields).let { frames -> { raw -> frames.of(raw) } }
            "standardize" -> StandardizeStep.prepare(fields)
            "tabular" -> TabularStep.prepare(fields)
            "vocabulary" -> VocabularyStep.prepare(fields)
            else -> throw InputError(
                "littoral ${Littoral.VERSION} knows no step ${shown(step["step"])}, only audio, bytes, image, " +
                    "log_mel, mfcc, standardize, tabular, vocabulary: was the model written by a newer version?",
            )
        }
    }
}

/** The class of a value, for messages. */
internal fun kind(value: Any): String = value.javaClass.simpleName
