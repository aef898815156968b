package littoral.formats

/** Stands for any number. */
private const val ANY = 1 shl 30

private val FREE = intArrayOf(0, ANY, 0, 0, ANY)

/**
 * How many inputs and outputs TFLite's kernels take for granted, as Python's `_tflite_arity` has it with
 * the operators' names: inputs at least and at most, how many of the first ones must be there, outputs at
 * least and at most; then the numbers of the operators. A test holds the two equal.
 */
private const val ARITIES =
    "1 1 1 1 1:101 59 47 73 75 76 92 66 108 8 104 116 158 14 28 19 21 20 152 111 117 98 150 87 53 6 114 77 " +
        "110 93 25 50 11 13 1 17 12 5 26 80 109 134 133 135 43 113 159 143;" +
        "2 2 2 1 1:0 41 18 42 78 55 57 90 95 99 71 72 61 62 58 63 86 84 156 160 161 54 36 107 39 40 74 81 82 " +
        "89 91 140 56 79 34 100 69 130 70 94 23 97 105 128 7 115 131 126 112 125 145;" +
        "3 3 3 1 1:60 65 64 123 96 38 37 122 151 153 154 155 157;4 5 4 1 1:45;4 4 4 1 1:85 68;1 2 1 1 1:22;" +
        "2 3 2 1 1:3 132;3 3 2 1 1:4;3 4 3 1 1:67 141;2 3 2 1 2:9;1 * * 1 1:2 83 106;1 1 1 1 *:88;" +
        "2 2 2 1 *:49;3 3 3 1 *:102;2 2 2 2 2:48;1 1 1 2 2:103;5 * 2 1 *:35;20 * 1 1 *:44;48 * 1 1 *:52;" +
        "5 5 3 1 2:27;0 0 0 1 1:142;2 2 2 0 0:144"

private val BY_KIND: Map<Int, IntArray> by lazy {
    ARITIES.split(';').flatMap { group ->
        val (arity, kinds) = group.split(':').map { part ->
            part.split(' ').map { if (it == "*") ANY else it.toInt() }
        }
        kinds.map { it to arity.toIntArray() }
    }.toMap()
}

/** The five numbers of an operator; any number passes for one that has no entry. */
internal fun arityOf(kind: Int): IntArray = BY_KIND[kind] ?: FREE
