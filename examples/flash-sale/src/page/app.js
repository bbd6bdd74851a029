"use strict";

const POLL_MS = 1000;
const SHOWN_ITEMS = 50;
const SVG = "http://www.w3.org/2000/svg";
const REASONS = {
  sold_out: "sold out", limit_reached: "limit reached", blocked: "blocked", unknown_item: "unknown item",
  unknown_event: "unknown event", not_started: "not started", ended: "ended", too_fast: "too fast",
  overloaded: "overloaded", full: "tables full", not_ready: "not ready", malformed: "malformed",
};

const root = document.documentElement;
const $ = (id) => document.getElementById(id);

// What went wrong is counted where a test can read it.
root.dataset.errors = "0";
const failed = () => { root.dataset.errors = String(Number(root.dataset.errors) + 1); };
addEventListener("error", failed);
addEventListener("unhandledrejection", failed);
addEventListener("securitypolicyviolation", failed);

let token = sessionStorage.getItem("token");
if (location.hash.length > 1) {
  token = location.hash.slice(1);
  sessionStorage.setItem("token", token);
  // Not in the history, and not in a screenshot.
  history.replaceState(null, "", location.pathname);
}

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

function count(number) {
  return number < 100000 ? whole.format(number) : short.format(number);
}

function percent(share) {
  return `${(share * 100).toFixed(1)} %`;
}

function time(micros) {
  if (micros === 0) return "–";
  if (micros < 1000) return `${micros} µs`;
  if (micros < 1e6) return `${(micros / 1000).toPrecision(3)} ms`;
  return `${(micros / 1e6).toPrecision(3)} s`;
}

function duration(seconds) {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const [size, unit] = parts.find(([size]) => seconds >= size) ?? [1, "s"];
  return `${Math.floor(seconds / size)} ${unit}`;
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function bar(share) {
  const track = make("div", "track");
  const fill = make("div", "fill");
  fill.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  track.append(fill);
  return track;
}

/** Draws lines into a viewBox. The last value is at the right edge, `slots` values fill the width. */
function draw(svg, lines, slots, top) {
  const { width, height } = svg.viewBox.baseVal;
  svg.replaceChildren(...lines.map(([className, values]) => {
    const line = document.createElementNS(SVG, "polyline");
    const x = (n) => width - (values.length - 1 - n) * (width / Math.max(1, slots - 1));
    const y = (value) => height - 1 - (value / Math.max(1, top)) * (height - 2);
    line.setAttribute("points", values.map((value, n) => `${x(n).toFixed(2)},${y(value).toFixed(2)}`).join(" "));
    line.setAttribute("class", `line ${className}`);
    return line;
  }));
}

function spark(values, top) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 120 20");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "spark");
  svg.setAttribute("aria-hidden", "true");
  draw(svg, [["stock", values]], Math.max(2, values.length), top);
  return svg;
}

function tiles(stats) {
  const last = (values) => values.at(-1) ?? 0;
  const { history, latency_us: latency } = stats;
  const all = [
    ["purchases/s", count(last(history.requests))],
    ["accepted/s", count(last(history.accepted))],
    ["refused/s", count(last(history.refused))],
    ["p50, 10 s", time(latency.p50)],
    ["p99, 10 s", time(latency.p99)],
    ["p99.9, 10 s", time(latency.p999)],
    ["in flight", count(stats.in_flight)],
    ["unknown", count(stats.unknown)],
  ];
  $("tiles").replaceChildren(...all.map(([name, value]) => {
    const tile = make("div");
    tile.append(make("dt", "", name), make("dd", "", value));
    return tile;
  }));
}

function state(item) {
  if (item.ended) return ["ended", "tag"];
  if (item.starts_in_ms > 0) return [`starts in ${duration(item.starts_in_ms / 1000)}`, "tag"];
  if (item.left === 0) return ["sold out", "tag gone"];
  return [item.held > 0 ? `${count(item.held)} held` : "on sale", "tag"];
}

function stock(items) {
  $("items").replaceChildren(...items.slice(0, SHOWN_ITEMS).map((item) => {
    const line = make("li");
    line.dataset.item = item.item;
    line.dataset.left = item.left;
    const name = make("span", "name", item.title || item.item);
    name.title = `${item.item}, of event ${item.event}`;
    const [text, className] = state(item);
    const numbers = make("span", "number", `${count(item.left)} of ${count(item.total)}`);
    const tags = make("span", "number tags");
    tags.append(make("span", className, text));
    line.append(name, bar(item.total === 0 ? 0 : item.left / item.total), spark(item.history, item.total), numbers, tags);
    return line;
  }));
  const hidden = items.length - SHOWN_ITEMS;
  $("more").hidden = hidden <= 0;
  $("more").textContent = `and ${count(hidden)} more`;
}

function bars(list, rows, none, format) {
  const top = Math.max(...rows.map(([, value]) => value));
  const lines = rows.map(([name, value]) => {
    const line = make("li");
    const label = make("span", "name", name);
    label.title = name;
    line.append(label, bar(value / top), make("span", "number", format(value)));
    return line;
  });
  list.replaceChildren(...(lines.length > 0 ? lines : [make("li", "muted", none)]));
}

function show(stats) {
  const ready = stats.ready && !stats.stopping;
  $("ready").textContent = stats.stopping ? "stopping" : ready ? "ready" : "not ready";
  $("ready").className = `state ${ready ? "good" : "bad"}`;
  $("breaker").hidden = stats.breaker === "closed";
  $("breaker").textContent = `breaker ${stats.breaker}`;
  $("breaker").className = "state bad";
  $("about").textContent = `up ${duration(stats.uptime_s)}, ${count(stats.committed)} sold, `
    + `${count(stats.cancelled)} cancelled, ${count(stats.refusals)} refused`;
  tiles(stats);
  stock(stats.items);
  const { requests, refused, accepted, p50_us: p50, p99_us: p99 } = stats.history;
  const topRate = Math.max(...requests, 1);
  draw($("rate"), [["refused", refused], ["accepted", accepted]], 119, topRate);
  $("rate-top").textContent = `top ${count(topRate)}/s`;
  const topLatency = Math.max(...p99, 1);
  draw($("latency"), [["p99", p99], ["p50", p50]], 119, topLatency);
  $("latency-top").textContent = `top ${time(topLatency)}`;
  const reasons = Object.entries(stats.refused).filter(([, value]) => value > 0).sort((a, b) => b[1] - a[1]);
  bars($("refused"), reasons.map(([reason, value]) => [REASONS[reason] ?? reason, value]), "nobody yet", count);
  const titles = new Map(stats.items.map((item) => [item.item, item.title || item.item]));
  bars($("hot"), stats.hot.map(({ item, share }) => [titles.get(item) ?? item, share]), "none yet", percent);
  $("main").hidden = false;
  root.dataset.fits = String(root.scrollWidth <= root.clientWidth);
  root.dataset.updates = String(Number(root.dataset.updates ?? "0") + 1);
}

function complain(text) {
  $("problem").hidden = text === "";
  $("problem").textContent = text;
}

async function poll() {
  let next = POLL_MS;
  try {
    const answer = await fetch("/admin/stats", { headers: { authorization: `Bearer ${token}` } });
    const body = await answer.json();
    if (answer.status === 401) {
      sessionStorage.removeItem("token");
      complain(body.message);
      $("login").hidden = false;
      $("ready").textContent = "locked";
      return;
    }
    if (!answer.ok) throw new Error(body.message);
    complain("");
    show(body);
  } catch (error) {
    // What is shown is old.
    complain(`no news from the service: ${error.message}`);
    $("ready").textContent = "unreachable";
    $("ready").className = "state bad";
    next = 3 * POLL_MS;
  }
  setTimeout(poll, next);
}

$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  sessionStorage.setItem("token", token);
  $("login").hidden = true;
  poll();
});

if (token) {
  poll();
} else {
  $("ready").textContent = "locked";
  $("login").hidden = false;
}
