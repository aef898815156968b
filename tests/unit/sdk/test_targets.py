import numpy as np
import onnx_files
import pytest
from littoral import plugins, targets
from littoral.errors import InputError
from littoral.targets import Options, connect


def test_local_is_chosen_by_name_and_by_scheme():
    assert connect("local").name == connect("local://").name == "local"


@pytest.mark.parametrize("address", ["moon", "moon://pi@board", "", "a/b", "../local", "://x"])
def test_an_unknown_target_is_one_clear_error(address):
    with pytest.raises(InputError, match=r"target"):
        connect(address)


def test_the_local_target_takes_no_host():
    with pytest.raises(InputError, match="no host"):
        connect("local://board")


@pytest.mark.parametrize("name", plugins.names(targets))
def test_every_target_offers_connect(name):
    assert callable(plugins.load(targets, name).connect)


def test_local_measures_on_data_from_a_file(tmp_path):
    path, data = tmp_path / "dense.onnx", tmp_path / "data.npz"
    path.write_bytes(onnx_files.dense())
    np.savez(data, x=np.ones((5, 4), np.float32), y=np.zeros(5, np.int64))
    told = []
    options = Options(runs=12, warmup=1, cold_starts=0, data=data)
    (measurement,) = connect("local").measure([path], options, told.append)
    assert measurement.runs == 12
    assert told == ["timing 1 file in turn"]
    np.savez(data, x=np.ones((5, 9), np.float32))
    with pytest.raises(InputError, match=r"\[4\]"):
        connect("local").measure([path], options, told.append)


def test_the_local_environment_names_the_processor():
    assert connect("local").environment()["machine"]
