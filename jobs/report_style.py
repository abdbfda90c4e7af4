"""Look and small behaviour of the report page: CSS and script, no reference to anything outside."""

CSS = """
:root { color-scheme: light dark; --paper: #fff; --card: #fff; --ink: #1d2228; --soft: #59616c; --rule: #dfe3e8;
  --mark: #eaf3fa; --accent: #0072b2; --held: #d55e00; --bar: #b9c0c9; }
@media (prefers-color-scheme: dark) { :root { --paper: #111418; --card: #171b20; --ink: #e6e9ed; --soft: #a3abb6;
  --rule: #2e353d; --mark: #16293a; --accent: #56b4e9; --held: #e8823c; --bar: #4d5763; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto,
  "Noto Sans", "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 24px 56px; }
h1 { font-size: 27px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 19px; margin: 44px 0 6px; }
h3 { font-size: 15px; margin: 24px 0 4px; }
p { margin: 6px 0; max-width: 82ch; }
.soft, figcaption { color: var(--soft); font-size: 13.5px; }
.verdict { border-left: 4px solid var(--soft); background: var(--mark); padding: 12px 16px; margin: 18px 0;
  font-size: 17px; max-width: none; border-radius: 0 6px 6px 0; }
.verdict.better { border-color: var(--accent); } .verdict.worse { border-color: var(--held); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 10px 24px; margin: 16px 0; }
.facts dt { color: var(--soft); font-size: 12.5px; } .facts dd { margin: 0;
  font-size: 19px; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.missing { border: 1px dashed var(--soft); border-radius: 6px; padding: 12px 16px; color: var(--soft);
  max-width: none; }
figure { margin: 10px 0 18px; } .chart { min-height: 20px; }
.wide { overflow-x: auto; margin: 10px 0; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 6px 10px; border-bottom: 1px solid var(--rule); vertical-align: top; }
td.number + td:not(.number), th.number + th:not(.number) { padding-left: 28px; }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
td.number { text-align: right; white-space: nowrap; }
th.number { text-align: right; }
tr.marked td { background: var(--mark); font-weight: 600; }
th button { all: unset; cursor: pointer; } th button:hover { color: var(--accent); }
th button:focus-visible { outline: 2px solid var(--accent); }
th[aria-sort=ascending] button::after { content: " ↑"; } th[aria-sort=descending] button::after { content: " ↓"; }
code { font: 12px/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
td code { display: inline-block; max-width: 26ch; }
dl { margin: 0; } td dl { display: grid; grid-template-columns: auto 1fr; gap: 0 10px; }
td dt { color: var(--soft); } td dd { margin: 0; overflow-wrap: anywhere; }
svg.distribution { width: 116px; height: 34px; display: block; } svg rect { fill: var(--bar); }
svg polyline { fill: none; stroke: var(--held); stroke-width: 1.4; vector-effect: non-scaling-stroke; }
.key { display: inline-block; width: 18px; height: 10px; background: var(--bar); vertical-align: middle; }
.key.line { height: 2px; background: var(--held); }
footer { margin-top: 48px; border-top: 1px solid var(--rule); padding-top: 10px; }
@media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444; --rule: #ccc; --mark: #f2f2f2; }
  main { max-width: none; padding: 0; } h2 { break-after: avoid; } figure, tr, .verdict { break-inside: avoid; }
  .wide { overflow: visible; } table { font-size: 10px; } th, td { padding: 3px 5px; } }
"""

SORT_SCRIPT = """
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0]
  heads.forEach((head, i) => { if (body.rows[0]?.cells[i].classList.contains("number")) head.classList.add("number") })
  if (!table.classList.contains("sortable")) continue
  heads.forEach((head, i) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") !== "descending"
    heads.forEach(other => other.removeAttribute("aria-sort"))
    head.setAttribute("aria-sort", down ? "descending" : "ascending")
    const key = row => row.cells[i].dataset.order
    const isNumber = head.classList.contains("number")
    const compare = (a, b) => isNumber ? Number(key(a)) - Number(key(b)) : key(a).localeCompare(key(b))
    const rows = [...body.rows], there = rows.filter(row => key(row) !== ""), gone = rows.filter(row => key(row) === "")
    there.sort((a, b) => down ? -compare(a, b) : compare(a, b))
    body.append(...there, ...gone)
  }))
}
"""

SELECT_CSS = """.bk-input { background-color: var(--card); color: var(--ink); border-color: var(--rule); }
label { color: var(--soft); font: 13px system-ui, sans-serif; }"""

# Runs inside Bokeh once the page is drawn: text and grid follow the page from light to dark, and to paper for print.
THEME_SCRIPT = """
const dark = window.matchMedia("(prefers-color-scheme: dark)")
const paint = (isDark) => {
  const ink = isDark ? "#d3d8de" : "#3c444e", rule = isDark ? "#2e353d" : "#e6e9ed"
  for (const axis of axes) axis.setv({axis_label_text_color: ink, major_label_text_color: ink})
  for (const grid of grids) grid.setv({grid_line_color: rule})
  const paper = isDark ? "#111418" : "#ffffff"
  for (const legend of legends) legend.setv({label_text_color: ink, inactive_fill_color: paper})
}
paint(dark.matches)
dark.addEventListener("change", () => paint(dark.matches))
window.addEventListener("beforeprint", () => paint(false))
window.addEventListener("afterprint", () => paint(dark.matches))
"""
