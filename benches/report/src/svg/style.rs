/// The style of every chart, in a light and a dark surrounding. Holds nothing that XML would have to escape.
pub(crate) const STYLE: &str = "
.chart { color-scheme: light dark; font-family: system-ui, -apple-system, 'Segoe UI', sans-serif; --fg: #1c2024;
  --muted: #60666d; --grid: #e4e6e8; --ground: #ffffff; }
.chart .ground { fill: var(--ground); }
.chart text { fill: var(--fg); font-size: 11px; }
.chart .title { font-size: 13px; font-weight: 600; }
.chart .tick, .chart .label { fill: var(--muted); font-size: 10.5px; font-variant-numeric: tabular-nums; }
.chart .end { text-anchor: end; }
.chart .middle { text-anchor: middle; }
.chart .grid { stroke: var(--grid); stroke-width: 1; }
.chart .axis { stroke: var(--muted); stroke-width: 1; }
.chart .line { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; }
.chart .dashed { stroke-dasharray: 5 3; stroke-width: 1.3; }
.chart .guide { stroke: var(--muted); stroke-width: 1; stroke-dasharray: 1 4; stroke-linecap: round; }
.chart .leader { fill: none; stroke: currentColor; stroke-width: 0.7; opacity: 0.55; }
.chart .spread { stroke: currentColor; stroke-width: 3; opacity: 0.28; stroke-linecap: round; }
.chart .mark { fill: currentColor; stroke: var(--ground); stroke-width: 0.8; }
.chart .bar { fill: currentColor; }
.chart .behind { opacity: 0.35; }
.chart .across { fill: var(--fg); stroke: var(--ground); stroke-width: 1; }
.chart .s0 { color: #0072b2; } .chart .s1 { color: #d55e00; } .chart .s2 { color: #009470; }
.chart .s3 { color: #b5568c; } .chart .s4 { color: #c08400; } .chart .s5 { color: #2f93cf; }
.chart .s6 { color: #30343a; } .chart .s7 { color: #8a7d00; }
.chart .peer { color: #868c93; } .chart .floor { color: #a3a9b0; }
@media (prefers-color-scheme: dark) {
  .chart { --fg: #e6e8ea; --muted: #a0a7ae; --grid: #2c3138; --ground: #15181d; }
  .chart .s0 { color: #4fa3e0; } .chart .s1 { color: #f07b2e; } .chart .s2 { color: #2bbf94; }
  .chart .s3 { color: #de8fbc; } .chart .s4 { color: #f2b632; } .chart .s5 { color: #93d2fa; }
  .chart .s6 { color: #dcdfe2; } .chart .s7 { color: #e0d650; }
  .chart .peer { color: #8b929a; } .chart .floor { color: #6f767e; }
}
";
