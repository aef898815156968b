package littoral

import littoral.steps.AudioStep
import littoral.steps.BytesStep
import littoral.steps.Fields
import littoral.steps.ImageStep
import littoral.steps.LogMelStep
import littoral.steps.MfccStep
import littoral.steps.StandardizeStep
import littoral.steps.Step
import littoral.steps.TabularStep
import littoral.steps.VocabularyStep

/**
 * From what a person has (a photo, a recording, a line of a table, a text) to a model's input, by the
 * steps of the model's card. What a step's settings mean is written in the Python file of its name.
 */
public object Preprocess {
    private val STEPS: Map<String, Step> = mapOf(
        "audio" to AudioStep,
        "bytes" to BytesStep,
        "image" to ImageStep,
        "log_mel" to LogMelStep,
        "mfcc" to MfccStep,
        "standardize" to StandardizeStep,
        "tabular" to TabularStep,
        "vocabulary" to VocabularyStep,
    )

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

    private fun prepared(step: Map<String, Any?>): (Any) -> Tensor {
        val chosen = STEPS[step["step"]] ?: throw InputError(
            "littoral ${Littoral.VERSION} knows no step ${shown(step["step"])}, only " +
                "${STEPS.keys.joinToString()}: was the model written by a newer version?",
        )
        return chosen.prepare(Fields(step))
    }
}

/** The class of a value, for messages. */
internal fun kind(value: Any): String = value.javaClass.simpleName
