"""Sensors are files: a folder of them stands for each machine."""

import pytest
from littoral.conditions import EnergyMeter, Watch, preflight, read


@pytest.fixture
def machine(tmp_path):
    def put(files):
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n")
        return tmp_path

    return put


CPU = "sys/devices/system/cpu/cpu0"
RAPL = "sys/class/powercap/intel-rapl:0"


def test_a_machine_without_sensors_says_none_and_never_0(tmp_path):
    reading = read(tmp_path)
    assert set(vars(reading).values()) == {None}
    meter = EnergyMeter(tmp_path)
    assert meter.source is None
    assert meter.joules_since(meter.start()) is None
    watch = Watch(tmp_path)
    watch.look()
    assert set(watch.to_dict().values()) == {None}


def test_sensors_in_their_units(machine):
    root = machine(
        {
            "sys/class/thermal/thermal_zone0/temp": 45_200,
            "sys/class/thermal/thermal_zone1/temp": 61_000,
            f"{CPU}/cpufreq/scaling_cur_freq": 1_800_000,
            f"{CPU}/thermal_throttle/core_throttle_count": 7,
        }
    )
    reading = read(root)
    assert reading.temperature_celsius == 61.0
    assert reading.frequency_mhz == 1800.0
    assert reading.throttle_count == 7


@pytest.mark.parametrize(
    "later",
    [
        {f"{CPU}/thermal_throttle/core_throttle_count": 9},
        {f"{CPU}/cpufreq/scaling_cur_freq": 1_200_000},
    ],
)
def test_throttling_shows_in_a_count_or_in_the_clock(machine, later):
    calm = {
        f"{CPU}/thermal_throttle/core_throttle_count": 7,
        f"{CPU}/cpufreq/scaling_cur_freq": 1_800_000,
    }
    now = iter(range(0, 10**12, 10**9))
    watch = Watch(machine(calm), clock=lambda: next(now))
    watch.look()
    watch.look()
    assert watch.throttled() is False
    machine(later)
    watch.look()
    assert watch.throttled() is True


def test_readings_are_a_tenth_of_a_second_apart(machine):
    now = iter([0, 50_000_000, 99_000_000, 100_000_000])
    watch = Watch(machine({"sys/class/thermal/thermal_zone0/temp": 40_000}), lambda: next(now))
    for _ in range(4):
        watch.look()
    assert len(watch.readings) == 2


def test_an_energy_counter_counts_and_wraps(machine):
    root = machine({f"{RAPL}/energy_uj": 900_000, f"{RAPL}/max_energy_range_uj": 1_000_000})
    meter = EnergyMeter(root)
    moment = meter.start()
    machine({f"{RAPL}/energy_uj": 950_000})
    assert meter.source == "rapl"
    assert meter.joules_since(moment) == pytest.approx(0.05)
    machine({f"{RAPL}/energy_uj": 100_000})
    assert meter.joules_since(moment) == pytest.approx(0.2)


def test_a_power_sensor_is_averaged_over_the_time_between(machine):
    root = machine({"sys/class/hwmon/hwmon0/power1_input": 2_000_000})
    meter = EnergyMeter(root)
    then, values = meter.start()
    machine({"sys/class/hwmon/hwmon0/power1_input": 4_000_000})
    drawn = meter.joules_since((then - 2_000_000_000, values))
    assert meter.source == "hwmon"
    assert drawn == pytest.approx(6.0, rel=0.05)


def busy(machine, ticks):
    """Other processes take so many clock ticks while `preflight` looks."""
    root = machine({"proc/stat": "cpu 100 0 50 1000 10 0 0 0 0 0"})
    return root, lambda seconds: machine({"proc/stat": f"cpu {100 + ticks} 0 50 1020 10 0 0 0"})


def test_a_quiet_machine_has_nothing_against_it(machine):
    root, sleep = busy(machine, 0)
    machine({f"{CPU}/cpufreq/scaling_governor": "performance"})
    assert preflight(root, sleep) == []
    assert preflight(root / "absent", sleep) == []


def test_what_speaks_against_a_machine_is_named_with_a_way_out(machine):
    root, sleep = busy(machine, 20)
    supply = "sys/class/power_supply"
    machine(
        {
            f"{CPU}/cpufreq/scaling_governor": "powersave",
            f"{supply}/AC/type": "Mains",
            f"{supply}/AC/online": 0,
            f"{supply}/BAT0/type": "Battery",
            "sys/class/thermal/thermal_zone0/temp": 91_000,
        }
    )
    governor, battery, heat, other = preflight(root, sleep)
    assert "'powersave'" in governor
    assert "plug it in" in battery
    assert "91 degrees" in heat
    assert "1.0 of its cores" in other
