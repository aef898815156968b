"""Addresses and the inventory: what a person wrote, taken apart before any program sees it."""

from pathlib import Path

import numpy as np
import pytest
import small_models
from littoral.errors import InputError
from littoral.targets import Options, Settings, _inventory, connect
from littoral.targets._address import Address, parse
from littoral.targets._session import start_command


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("ssh://board", Address("board")),
        ("ssh://pi@board.local:2222", Address("board.local", "pi", 2222)),
        ("ssh://pi@10.0.0.2/data/my%20models/", Address("10.0.0.2", "pi", None, "/data/my models")),
        ("ssh://board/~/bench", Address("board", None, None, "~/bench")),
        ("ssh://[fe80::1%eth0]:22", Address("fe80::1%eth0", None, 22)),
        ("ssh://[::1]", Address("::1")),
    ],
)
def test_an_address_is_taken_apart(address, parts):
    assert parse(address, "ssh") == parts


@pytest.mark.parametrize(
    "address",
    [
        "ssh://",
        "ssh://-oProxyCommand=touch owned",
        "ssh://-F/dev/null@board",
        "ssh://@board",
        "ssh://pi@-oProxyCommand=id",
        "ssh://board;id",
        "ssh://$(id)",
        "ssh://`id`@board",
        "ssh://board\nHost x",
        "ssh://pi@a b",
        "ssh://board:0",
        "ssh://board:99999",
        "ssh://board:22x",
        "ssh://[::1",
        "ssh://[::1]22",
        "ssh://board/../../etc",
        "ssh://board/a%0ab",
        "adb://-e",
        "adb://a b",
        "adb://$(id)",
        "adb://phone/..",
        "adb://phone?app=",
        "adb://phone?app=example",
        "adb://phone?app=com.example;id",
        "adb://phone?app=com.$(id)",
        "adb://phone?app=-n.example",
        "adb://phone?package=com.example",
        "adb://phone/data/bench?app=com.example",
    ],
)
def test_what_no_host_is_called_is_refused_before_a_program_starts(address, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)
    with pytest.raises(InputError):
        connect(address)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(scenario="throughput"), "an app is measured one call after the other"),
        (Options(until=0.02), "not until"),
        (Options(runs=5, duration_s=1.0), "not both"),
        (Options(duration_s=-1.0), "positive number of seconds"),
        (Options(is_strict=True), "leave --strict out"),
        (Options(options={"xnnpack": "off"}), "no options: leave --option out"),
        (Options(threads=[1, 2]), "1 models, but threads for 2"),
    ],
)
def test_what_no_app_can_do_is_refused_before_a_program_starts(options, words, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)
    target = connect("adb://phone?app=com.example")
    with pytest.raises(InputError, match=words):
        target.measure([Path("a.onnx")], options, [].append)


def test_texts_do_not_travel_to_an_app(tmp_path, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)
    path, data = tmp_path / "texts.onnx", tmp_path / "x.npz"
    path.write_bytes(small_models.upright("onnx", "str"))
    np.savez(data, x=np.array([["a", "b"]]))
    with pytest.raises(InputError, match=r"texts\.onnx: '.*' is text, and only numbers travel"):
        connect("adb://phone?app=com.example").outputs([path], Options(data=data), [].append)


def test_the_command_on_a_board_holds_nothing_of_the_address():
    assert start_command(None) == start_command(None)
    assert "'\"'\"'" in start_command("/opt/it's/python3")


@pytest.fixture
def inventory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def write(text, folder=tmp_path):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "targets.toml").write_text(text)

    return write


def test_names_of_the_inventory_lead_to_addresses_and_settings(inventory):
    inventory(
        'pi4 = "ssh://pi@pi4.local"\n[jetson]\nurl = "ssh://jetson"\noffline = true\n'
        'timeout_s = 60\npython = "/opt/py/bin/python3"\n'
    )
    assert _inventory.find("pi4") == ("ssh://pi@pi4.local", Settings("pi4"))
    assert _inventory.find("jetson") == (
        "ssh://jetson",
        Settings("jetson", True, 60, "/opt/py/bin/python3"),
    )
    assert connect("pi4").name == "pi4"


def test_the_working_directory_comes_before_the_configuration(inventory, tmp_path):
    inventory('a = "ssh://far"', tmp_path / "config" / "littoral")
    assert _inventory.find("a")[0] == "ssh://far"
    inventory('a = "ssh://near"')
    assert _inventory.find("a")[0] == "ssh://near"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "names nothing"),
        ('pi5 = "ssh://b"', "did you mean pi5?"),
        ("[pi4]\noffline = true", r"\[pi4\] has no url"),
        ("pi4 = 7", "has no url"),
        ('pi4 = "board"', "is no address"),
        ('[pi4]\nurl = "ssh://b"\nport = 7', "unknown key 'port'"),
        ('[pi4]\nurl = "ssh://b"\noffline = 1', "offline must be bool"),
        ('[pi4]\nurl = "ssh://b"\ntimeout_s = true', "timeout_s must be float"),
        ('[pi4]\nurl = "ssh://b"\npython = "python3; id"', "plain path"),
        ('[pi4]\nurl = "ssh://b"\ntimeout_s = 0', "time-out must be a positive"),
        ('[pi4]\nurl = "ssh://-oX"', "no host name"),
        ("[pi4", "is not TOML"),
        ("\xff", "is not TOML"),
    ],
)
def test_an_inventory_that_is_wrong_says_where_and_what(inventory, text, words):
    inventory(text)
    with pytest.raises(InputError, match=words):
        connect("pi4")


def test_without_an_inventory_the_message_says_where_one_would_be(inventory, tmp_path):
    with pytest.raises(InputError, match=r"unknown target 'pi4'.*config/littoral"):
        connect("pi4")
