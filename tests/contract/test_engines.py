"""Every engine in the plug-in folder goes through the same suite, and must be installed for it."""

from __future__ import annotations

import threading

import littoral
import numpy as np
import pytest
import small_models
from littoral import engines, plugins

# tflite-runtime was built for numpy 1: `test_numpy_1` runs this file once more, with both.
HAS_NUMPY_1 = np.__version__.startswith("1.")
ENGINES = [name for name in plugins.names(engines) if name != "tflite_runtime" or HAS_NUMPY_1]


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


def formats_of(engine):
    return plugins.load(engines, engine).FORMATS


def load(engine, files, **options):
    (format,) = formats_of(engine)
    return littoral.load(files[format], engine=engine, **options)


def test_the_library_is_installed_and_names_its_version(engine):
    module = plugins.load(engines, engine)
    assert any(character.isdigit() for character in module.version())
    assert module.EXTRA


def test_importing_an_engines_module_does_not_import_its_library(engine):
    import subprocess
    import sys

    code = (
        f"import sys, littoral.engines.{engine}; "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('ai_edge_litert', 'tflite_runtime', 'onnxruntime', 'tensorflow')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_a_batch_of_one(engine):
    with load(engine, small_models.ONE) as model:
        x = np.array([[1, 2, 3]], np.float32)
        np.testing.assert_array_equal(model.run(x), [[2, 4, 6]])
        assert model.run(x).dtype == np.float32
        assert model.engine == engine
        assert model.inputs == (littoral.TensorSpec("x", (1, 3), "float32"),)
        assert model.outputs == (littoral.TensorSpec("y", (1, 3), "float32"),)


def test_one_sample_comes_back_without_batch_axis(engine):
    with load(engine, small_models.ONE) as model:
        np.testing.assert_array_equal(model.run(np.array([1, 2, 3], np.float32)), [2, 4, 6])
        np.testing.assert_array_equal(model.run([1, 2, 3]), [2, 4, 6])


def test_a_batch_larger_than_the_file_takes(engine):
    x = np.arange(21, dtype=np.float32).reshape(7, 3)
    with load(engine, small_models.ONE) as model:
        np.testing.assert_array_equal(model.run(x), 2 * x)


def test_a_file_that_takes_four_samples(engine):
    x = np.arange(14, dtype=np.float32).reshape(7, 2)
    with load(engine, small_models.FOUR) as model:
        np.testing.assert_array_equal(model.run(x), 2 * x)
        np.testing.assert_array_equal(model.run(x[:4]), 2 * x[:4])
        np.testing.assert_array_equal(model.run(x[:1]), 2 * x[:1])
        np.testing.assert_array_equal(model.run(x[0]), 2 * x[0])


@pytest.mark.parametrize("counts", [(1, 5, 1), (3, 3, 2, 64)])
def test_an_open_batch_axis_takes_any_count_in_any_order(engine, counts):
    with load(engine, small_models.OPEN) as model:
        assert model.inputs[0].shape == (None, 3)
        for count in counts:
            x = np.random.default_rng(count).standard_normal((count, 3)).astype(np.float32)
            np.testing.assert_array_equal(model.run(x), x + x)
            np.testing.assert_array_equal(model.run(x[0]), x[0] + x[0])


def test_several_inputs_and_outputs_keep_name_and_order(engine):
    a, b = np.array([[5, 7]], np.float32), np.array([[1, 2]], np.float32)
    with load(engine, small_models.SEVERAL) as model:
        assert [spec.name for spec in model.inputs] == ["b", "a"]
        by_name = model.run({"a": a, "b": b})
        in_order = model.run([b, a])
        raw = model.run_raw((b, a))
    assert list(by_name) == ["difference", "sum"]
    for result in (by_name, in_order, raw):
        np.testing.assert_array_equal(result["difference"], [[4, 5]])
        np.testing.assert_array_equal(result["sum"], [[6, 9]])


def test_several_inputs_one_sample_and_a_batch(engine):
    a = np.arange(6, dtype=np.float32).reshape(3, 2)
    with load(engine, small_models.SEVERAL) as model:
        batch = model.run({"a": a, "b": a * 3})
        single = model.run({"a": a[1], "b": a[1] * 3})
    np.testing.assert_array_equal(batch["sum"], 4 * a)
    np.testing.assert_array_equal(single["difference"], -2 * a[1])


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_whole_numbers(engine, dtype):
    (format,) = formats_of(engine)
    with littoral.load(small_models.typed(format, dtype), engine=engine) as model:
        result = model.run(np.array([[1, -2, 2**30 - 1]], dtype))
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, [[2, -4, 2**31 - 2]])
        np.testing.assert_array_equal(model.run([1.0, 2.0, 3.0]), [2, 4, 6])
        with pytest.raises(littoral.InputError, match="'x': expected whole numbers"):
            model.run([1.5, 2.0, 3.0])


def test_booleans(engine):
    (format,) = formats_of(engine)
    with littoral.load(small_models.typed(format, "bool"), engine=engine) as model:
        np.testing.assert_array_equal(model.run([[True, False, True]]), [[False, True, False]])


@pytest.mark.parametrize("dtype", small_models.NUMBERS)
def test_numbers_of_every_type(engine, dtype):
    (format,) = formats_of(engine)
    with littoral.load(small_models.upright(format, dtype), engine=engine) as model:
        assert model.inputs[0].dtype == dtype
        x = np.array([[0, 1, 1]], dtype)
        result = model.run(x)
        assert result.dtype == ("float32" if dtype == "float16" else dtype)
        np.testing.assert_array_equal(result, x.reshape(3, 1))
        np.testing.assert_array_equal(model.run_raw(x), x.reshape(3, 1))
        assert model.run_raw(x).dtype == dtype


def test_text(engine):
    (format,) = formats_of(engine)
    with littoral.load(small_models.upright(format, "str"), engine=engine) as model:
        assert model.inputs[0].dtype == "str"
        for words in (["sea", "größe", ""], [w.encode() for w in ("sea", "größe", "")]):
            assert model.run([words]).tolist() == [["sea"], ["größe"], [""]]
        with pytest.raises(littoral.InputError, match="expected text"):
            model.run([[1, 2, 3]])


def test_a_scalar(engine):
    with load(engine, small_models.SCALAR) as model:
        assert model.inputs[0].shape == ()
        for x in (1.5, np.float32(1.5), np.array(1.5)):
            assert model.run(x) == 3
        assert model.run(np.array(2, np.float32)).shape == ()


def test_sizes_that_are_only_known_with_the_data(engine):
    with load(engine, small_models.SIZELESS) as model:
        assert model.inputs[0].shape == (1, None, None, 2)
        for size in ((3, 4), (1, 1), (5, 2), (3, 4)):
            x = np.random.default_rng(0).standard_normal((1, *size, 2)).astype(np.float32)
            np.testing.assert_array_equal(model.run(x), x + x)
            np.testing.assert_array_equal(model.run(x[0]), (x + x)[0])


def test_odd_names_and_outputs_of_one_shape(engine):
    (format,) = formats_of(engine)
    name, *_ = small_models.ODD_NAMES
    with littoral.load(small_models.oddly_named(format), engine=engine) as model:
        assert model.inputs[0].name == name
        results = model.run({name: [[5, 6]]})
    assert {out: result.tolist() for out, result in results.items()} == {
        f"out {other}": [[5 + k, 6 + k]] for k, other in enumerate(small_models.ODD_NAMES)
    }


def test_an_option_that_there_is_not_names_those_there_are(engine):
    known = plugins.load(engines, engine).OPTIONS
    for options in ({"turbo": True}, {"turbo.size": 3}):
        with pytest.raises(littoral.InputError, match="has no option 'turbo") as caught:
            load(engine, small_models.ONE, options=options)
        assert all(name in str(caught.value) for name in known)


def test_the_alternatives_of_the_engine_compute_the_same(engine):
    for options in plugins.load(engines, engine).ALTERNATIVES:
        with load(engine, small_models.SEVERAL, options=options) as model:
            result = model.run({"a": [[5, 7]], "b": [[1, 2]]})
        np.testing.assert_array_equal(result["difference"], [[4, 5]])


def test_a_signature_that_there_is_not(engine):
    with pytest.raises(littoral.InputError, match="no signature 'absent'"):
        load(engine, small_models.ONE, signature="absent")


def test_results_belong_to_the_caller(engine):
    with load(engine, small_models.ONE) as model:
        first = model.run(np.ones((1, 3), np.float32))
        first += 100
        second = model.run(np.zeros((1, 3), np.float32))
        np.testing.assert_array_equal(first, [[102, 102, 102]])
        np.testing.assert_array_equal(second, [[0, 0, 0]])
    np.testing.assert_array_equal(second, [[0, 0, 0]])


def test_arrays_in_any_memory_order(engine):
    wide = np.arange(12, dtype=np.float32).reshape(2, 6)
    with load(engine, small_models.ONE) as model:
        np.testing.assert_array_equal(model.run(wide[:1, ::2]), 2 * wide[:1, ::2])
        turned = np.asfortranarray(wide[:, ::-2])
        np.testing.assert_array_equal(model.run(turned), 2 * turned)


def test_threads_that_share_a_model_get_their_own_answers(engine):
    wrong = []
    with load(engine, small_models.OPEN) as model:

        def hammer(number):
            for step in range(100):
                x = np.full((1 + (step + number) % 3, 3), number * 1000 + step, np.float32)
                result = model.run(x)
                if result.shape != x.shape or (result != 2 * x).any():
                    wrong.append((number, step))

        threads = [threading.Thread(target=hammer, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_more_threads_give_the_same_answer(engine):
    with load(engine, small_models.ONE, threads=2) as model:
        np.testing.assert_array_equal(model.run([1, 2, 3]), [2, 4, 6])


def test_a_closed_model_says_so(engine):
    model = load(engine, small_models.ONE)
    model.close()
    model.close()
    for call in (model.run, model.run_raw):
        with pytest.raises(littoral.EngineError, match="closed"):
            call(np.zeros((1, 3), np.float32))


def test_loading_and_closing_again_and_again(engine):
    for number in range(30):
        with load(engine, small_models.ONE) as model:
            assert model.run([number, 0, 0])[0] == 2 * number


def test_a_damaged_file_is_a_model_error(engine):
    (format,) = formats_of(engine)
    content = small_models.ONE[format]
    for cut in range(8, len(content), 7):
        with pytest.raises(littoral.ModelError):
            littoral.load(content[:cut], engine=engine)


def test_a_file_of_another_format_is_refused(engine):
    other = next(f for f in small_models.ONE if f not in formats_of(engine))
    with pytest.raises(littoral.InputError, match=f"engine {engine} runs"):
        littoral.load(small_models.ONE[other], engine=engine)


def test_nothing_reaches_stderr(engine, capfd):
    with load(engine, small_models.ONE) as model:
        model.run([1, 2, 3])
    assert capfd.readouterr().err == ""
