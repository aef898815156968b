"""Measurements for people: terminal tables and self-contained HTML pages.

`tables` and `gates` are for the terminal; `demo`, `bench`, `pair` and `profile` are the pages.
`machines` groups what several targets measured; `findings`, `notes` and `comparison` put figures
into words; `charts`, `confusion` and `distribution` draw; `page` and `style` are the frame;
`result`, `units` and `markup` serve all, the pages of the converters too.
"""

from littoral.report.bench import bench_report
from littoral.report.comparison import compare, compare_each_target
from littoral.report.demo import demo_report
from littoral.report.gates import gates_junit, gates_markdown, gates_table
from littoral.report.pair import pair_report, pair_table
from littoral.report.profile import profile_report, profile_table
from littoral.report.tables import bench_table, demo_markdown, demo_table

__all__ = [
    "bench_report",
    "bench_table",
    "compare",
    "compare_each_target",
    "demo_markdown",
    "demo_report",
    "demo_table",
    "gates_junit",
    "gates_markdown",
    "gates_table",
    "pair_report",
    "pair_table",
    "profile_report",
    "profile_table",
]
