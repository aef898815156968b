import json
import os
import platform

import pytest
from littoral import environment


def write(root, **files):
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


PI = "processor\t: 0\nBogoMIPS\t: 108.00\nCPU implementer\t: 0x41\nModel\t\t: Raspberry Pi 4\n"
XEON = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel Xeon\ncpu MHz\t\t: 2599.9\n"


def test_it_says_what_a_board_says(tmp_path):
    write(tmp_path, proc__cpuinfo=PI, proc__meminfo="MemTotal:        3884376 kB\n")
    write(tmp_path, etc__os_release="x")
    (tmp_path / "etc/os-release").write_text('NAME="D"\nPRETTY_NAME="Debian 12 (bookworm)"\n')
    cpufreq = tmp_path / "sys/devices/system/cpu/cpu0/cpufreq"
    cpufreq.mkdir(parents=True)
    (cpufreq / "scaling_governor").write_text("ondemand\n")
    (cpufreq / "scaling_cur_freq").write_text("1500000\n")
    for zone, heat in (("thermal_zone0", "48300\n"), ("thermal_zone1", "51250\n")):
        folder = tmp_path / "sys/class/thermal" / zone
        folder.mkdir(parents=True)
        (folder / "temp").write_text(heat)
    tree = tmp_path / "proc/device-tree"
    tree.mkdir()
    (tree / "model").write_text("Raspberry Pi 4 Model B Rev 1.4\0")
    facts = environment.describe(tmp_path)
    assert facts["governor"] == "ondemand"
    assert facts["frequency_mhz"] == 1500.0
    assert facts["temperature_celsius"] == 51.2
    assert facts["board"] == "Raspberry Pi 4 Model B Rev 1.4"
    assert facts["memory_bytes"] == 3884376 * 1024
    assert facts["os"] == "Debian 12 (bookworm)"


def test_what_a_system_does_not_say_is_none_and_never_0(tmp_path):
    facts = environment.describe(tmp_path)
    unknown = ("governor", "frequency_mhz", "temperature_celsius", "memory_bytes", "board")
    assert [facts[name] for name in unknown] == [None] * 5


def test_a_dead_thermal_zone_is_not_a_temperature(tmp_path):
    folder = tmp_path / "sys/class/thermal/thermal_zone0"
    folder.mkdir(parents=True)
    (folder / "temp").write_text("0\n")
    assert environment.describe(tmp_path)["temperature_celsius"] is None


def test_this_machine_agrees_with_the_standard_library():
    facts = environment.describe()
    assert facts["python"] == platform.python_version()
    assert facts["machine"] == platform.machine()
    assert facts["cores"] == len(os.sched_getaffinity(0))
    assert set(facts["engines"]) >= {"litert", "onnxruntime"}
    assert json.loads(json.dumps(facts)) == facts


def link_executable(root, target):
    folder = root / "proc/thread-self"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "exe").symlink_to(target)


@pytest.mark.parametrize(
    ("executable", "cpuinfo", "machine", "expected"),
    [
        ("/usr/bin/python3.11", XEON, "x86_64", False),
        ("/usr/bin/python3.11", PI, "aarch64", False),
        ("/usr/bin/qemu-aarch64-static", PI, "aarch64", True),
        ("/usr/bin/python3.11", XEON, "aarch64", True),
        ("/usr/bin/python3.11", XEON, "armv7l", True),
        ("/usr/bin/python3.11", PI, "x86_64", True),
        ("/usr/bin/python3.11", "model name : QEMU TCG CPU version 2.5+\n", "x86_64", True),
        ("/usr/bin/python3.11", "model name : VirtualApple @ 2.50GHz\n", "x86_64", True),
        ("/usr/bin/python3.11", "", "x86_64", False),
    ],
)
def test_an_emulated_processor_gives_itself_away(
    tmp_path, monkeypatch, executable, cpuinfo, machine, expected
):
    link_executable(tmp_path, executable)
    write(tmp_path, proc__cpuinfo=cpuinfo)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert environment.is_emulated(tmp_path) is expected


def test_this_machine_is_not_emulated():
    assert environment.is_emulated() is False
