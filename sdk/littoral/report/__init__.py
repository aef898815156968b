"""Measurements for people: terminal tables and self-contained HTML pages.

`tables` is for the terminal, `demo` and `bench` are the two pages; `charts`, `confusion` and
`distribution` draw SVG; `page` is the frame and its style; `result` and `units` are what they
all speak.
"""
