"""The pages' style: one sheet, colours as variables, dark where the reader's system is dark."""

SCHEMES = (
    "float32",
    "float16",
    "dynamic_int8",
    "static_int8",
    "strict_int8",
    "int16x8",
    "weight_int4",
)
"""Each has the colour of its place; any other scheme has the one after the last."""

HUES = len(SCHEMES) + 1


def scheme_class(scheme: str) -> str:
    """The CSS class that colours a scheme, the same one in every picture."""
    return f"s{SCHEMES.index(scheme) if scheme in SCHEMES else len(SCHEMES)}"


_LIGHT = """
  --paper:#fbfaf7; --card:#ffffff; --ink:#16242b; --soft:#5a6b73; --faint:#64737b; --rule:#e3e2dc;
  --grid:#eceae4; --sea:#0f6b78; --sea-pale:#e3f1f2; --hit:#0f6b78; --miss:#c2410c; --good:#1b7f4d;
  --bad:#b42318; --c0:#5b6b8c; --c1:#2a9d8f; --c2:#d58a09; --c3:#d1495b; --c4:#7b5ea7; --c5:#8a6d3b;
  --c6:#4f8a10; --c7:#777777; --shadow:0 1px 2px rgba(22,36,43,.05),0 6px 24px rgba(22,36,43,.05);
"""

_DARK = """
  --paper:#0e171b; --card:#152127; --ink:#e6eef0; --soft:#9fb1b8; --faint:#8c9ea6; --rule:#26363d;
  --grid:#223138; --sea:#5cc3cf; --sea-pale:#16343a; --hit:#3fb3c1; --miss:#fb923c; --good:#4ecb8b;
  --bad:#ff8a7a; --c0:#93a5cc; --c1:#4fd1c0; --c2:#f2b544; --c3:#f47a8a; --c4:#b79ae6; --c5:#cdb07a;
  --c6:#9bd05a; --c7:#aaaaaa; --shadow:none;
"""

_SHEET = """
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,
  "Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
main,header>div,footer{max-width:1120px;margin:0 auto;padding:0 24px}
header{background:var(--sea-pale);padding:44px 0 64px;position:relative;overflow:hidden}
header .wave{position:absolute;left:0;bottom:-1px;width:100%;height:38px;display:block}
header .wave path{fill:var(--paper)}
.brand{font-weight:650;letter-spacing:.02em;color:var(--sea);margin:0 0 14px}
h1{font-size:clamp(1.75rem,4.2vw,2.7rem);line-height:1.14;letter-spacing:-.02em;margin:0 0 14px;
  max-width:23em;text-wrap:balance}
h2{font-size:1.5rem;letter-spacing:-.01em;margin:64px 0 4px;scroll-margin-top:16px}
h3{font-size:.98rem;margin:0 0 2px}
p{margin:.5em 0;max-width:46em} h1,h2,h3,p{overflow-wrap:anywhere}
.lead{font-size:1.12rem;color:var(--soft);max-width:42em}
.soft,.note{color:var(--soft)} .note{font-size:.88rem;max-width:72em} p.soft{max-width:60em}
a{color:var(--sea);text-decoration-thickness:1px;text-underline-offset:3px}
nav{display:flex;flex-wrap:wrap;gap:8px;margin:22px 0 0}
nav a{padding:5px 13px;border-radius:99px;background:var(--card);text-decoration:none;
  font-size:.92rem;color:var(--ink);border:1px solid var(--rule)}
nav a:hover,nav a:focus-visible{border-color:var(--sea);color:var(--sea)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(215px,1fr));gap:16px;
  margin:-34px 0 0;position:relative}
.tile,.card{background:var(--card);border:1px solid var(--rule);border-radius:14px;
  box-shadow:var(--shadow)}
.tile{padding:18px 20px;min-width:0;overflow-wrap:anywhere}
.tile b{display:block;font-size:1.75rem;line-height:1.2;letter-spacing:-.02em;color:var(--sea)}
.tile span{font-size:.88rem;color:var(--soft);display:block}
.card{padding:20px 22px;margin:18px 0 0;min-width:0}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:18px}
.confusion{display:grid;grid-template-columns:minmax(0,1.9fr) minmax(0,1fr);gap:34px;
  align-items:start}
.findings{padding-left:1.1em;margin:10px 0} .findings li{margin:.4em 0;max-width:54em}
.badge{font-size:.76rem;font-weight:600;color:var(--miss);border:1px solid currentColor;
  border-radius:99px;padding:1px 9px;margin-left:.7em;white-space:nowrap}
.warning{border-left:4px solid var(--miss)}
.scroll{overflow-x:auto;margin:0 -22px;padding:0 22px}
table{border-collapse:collapse;width:100%;font-size:.88rem}
th{font-weight:600;color:var(--soft);font-size:.8rem;white-space:nowrap;vertical-align:bottom}
th,td{padding:8px 8px;text-align:right;border-bottom:1px solid var(--rule)}
th.l,td.l{text-align:left} tr:last-child td{border-bottom:0} td{white-space:nowrap}
th:first-child,td:first-child{padding-left:0} th:last-child,td:last-child{padding-right:0}
td small{display:block;color:var(--faint);font-size:.76rem;line-height:1.3}
tr.best td{background:var(--sea-pale)} tr.best td:first-child{box-shadow:-8px 0 0 var(--sea-pale)}
tr.best td:last-child{box-shadow:8px 0 0 var(--sea-pale)}
tr.best small{color:var(--soft)}
td.top{font-weight:650;color:var(--sea)}
.ok{color:var(--good);font-weight:650} .no{color:var(--bad);font-weight:650}
.chip{display:inline-block;width:.72em;height:.72em;border-radius:3px;margin-right:.5em}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:.84rem;color:var(--soft);margin:10px 0 0}
svg{display:block;width:100%;height:auto;font:12px system-ui,-apple-system,"Segoe UI",Roboto,Arial,
  sans-serif;font-variant-numeric:tabular-nums;overflow:visible}
.legend svg{display:inline-block;width:14px;height:14px;vertical-align:-2px;margin-right:4px}
svg text{fill:var(--ink)} svg .t{fill:var(--soft)} svg .s{fill:var(--faint);font-size:11px}
svg .b{font-weight:600} svg .end{text-anchor:end} svg .mid{text-anchor:middle}
.grid{stroke:var(--grid)} .rule{stroke:var(--rule)} .axis{stroke:var(--faint)}
.front{fill:none;stroke:var(--sea);stroke-width:1.5;stroke-dasharray:5 4}
.keras{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:2 4}
.whisker{stroke:var(--ink);stroke-width:1.4} .leader{stroke:var(--faint);stroke-width:.8}
.ring{fill:none;stroke:var(--sea);stroke-width:2}
.bubble{fill-opacity:.55;stroke-width:1.5} .solid{stroke:none} .tail{fill-opacity:.28;stroke:none}
.mark{fill:none;stroke-width:2} .trace{fill:none;stroke-width:1.3;stroke-linejoin:round}
.hit{fill:var(--hit)} .miss{fill:var(--miss)} .cell{fill:var(--grid)}
.halo{paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
svg .on{fill:#fff} @media (prefers-color-scheme:dark){svg .on{fill:#06181b}}
svg g.c:hover rect{stroke:var(--ink);stroke-width:1.5}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(230px,1fr));gap:12px 26px;margin:0}
dt{font-size:.8rem;color:var(--soft)} dd{margin:0;overflow-wrap:anywhere}
.how{columns:2;column-gap:36px} .how div{break-inside:avoid;margin:0 0 16px}
.how p{margin:.15em 0;font-size:.93rem;color:var(--soft)}
footer{padding:56px 24px 40px;color:var(--faint);font-size:.85rem}
@media (max-width:860px){.card{overflow-x:auto}svg[viewBox^="0 0 1060 "]{min-width:860px}
  .pair,.confusion{grid-template-columns:1fr}.how{columns:1}}
@media print{header{padding:20px 0}.card,.tile{break-inside:avoid;box-shadow:none}nav{display:none}}
"""


def sheet() -> str:
    """The whole style sheet."""
    colours = "".join(
        f".s{place}{{fill:var(--c{place});stroke:var(--c{place});background:var(--c{place})}}\n"
        for place in range(HUES)
    )
    dark = f"@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}\n"
    return f":root{{color-scheme:light dark;{_LIGHT}}}\n{dark}{colours}{_SHEET}"
