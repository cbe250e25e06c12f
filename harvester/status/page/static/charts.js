// Charts over time as SVG, drawn from the ledger's history: a restart loses none of it.

import { $, keyed, make, moment, number, setText } from "./parts.js";
import { ask, repeatedly } from "./stream.js";

const SPANS = [["hour", "hour"], ["day", "day"], ["week", "week"], ["all", "all"]];
const WIDTH = 560, HEIGHT = 170, LEFT = 46, RIGHT = 8, TOP = 10, BOTTOM = 22;
const SVG = "http://www.w3.org/2000/svg";
const EVERY_MS = 15_000;
let span = "day", run = null, again = () => {};

export function prepareCharts() {
  $("spans").append(...SPANS.map(([key, name]) => {
    const button = make("button", { type: "button", textContent: name, "aria-pressed": String(key === span) });
    button.addEventListener("click", () => {
      span = key;
      for (const other of $("spans").children) other.setAttribute("aria-pressed", String(other === button));
      load();
    });
    return button;
  }));
  again = repeatedly(load, EVERY_MS);
}

export function chooseCharts(chosen) {
  const isNew = run?.number !== chosen.number;
  run = chosen;
  if (isNew) { $("charts").hidden = true; again(); load(); }
}

async function load() {
  if (!run || run.total === undefined) return;
  const wanted = `${run.number} ${span}`;
  const told = await ask(`/api/${run.number}/charts?span=${span}`);
  if (wanted !== `${run.number} ${span}`) return;
  const charts = told.charts.filter(chart => chart.lines.some(line => line.points.length));
  $("charts").hidden = !told.charts.length;
  keyed($("plots"), charts, chart => chart.title, newPlot, (plot, chart) => draw(plot, chart, told.since, told.until));
  if (told.charts.length && !charts.length) $("plots").replaceChildren(make("p", { className: "quiet", textContent: "Lines appear after two minutes of work." }));
}

function newPlot(chart) {
  const plot = make("div", { className: "plot" }, make("h3", { textContent: chart.title }));
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("role", "img");
  plot.append(drawing, make("div", { className: "keys" }));
  return plot;
}

function part(name, attributes, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

// The next of 1, 2, 5, 10, ... that is not below a value.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map(step => step * power).find(step => step >= value * 0.999);
}

export function shortNumber(value) {
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]])
    if (value >= size) return `${+(value / size).toPrecision(3)} ${unit}`;
  return `${+value.toPrecision(3)}`;
}
const withUnit = (value, unit) => {
  const text = shortNumber(value);
  return /[kMG]$/.test(text) ? `${text}${unit}` : `${text}${unit.startsWith("/") ? unit : ` ${unit}`}`;
};

function draw(plot, chart, since, until) {
  const drawing = plot.querySelector("svg");
  const first = Math.min(...chart.lines.map(line => line.points[0]?.[0] ?? until));
  const from = Math.min(Math.max(since, first), until - 60);
  const width = Math.max(260, drawing.clientWidth || WIDTH);
  drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  const top = roundUp(Math.max(...chart.lines.flatMap(line => line.points.map(([, value]) => value ?? 0)), 1e-3));
  const x = at => LEFT + (width - LEFT - RIGHT) * (at - from) / (until - from);
  const y = value => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const parts = [0, 0.5, 1].flatMap(share => [
    part("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(share * top), y2: y(share * top) }),
    part("text", { x: LEFT - 7, y: y(share * top) + 4, "text-anchor": "end" }, shortNumber(share * top)),
  ]);
  parts.push(part("text", { x: LEFT, y: HEIGHT - 5 }, moment(from)), part("text", { x: width - RIGHT, y: HEIGHT - 5, "text-anchor": "end" }, moment(until)));
  const cursor = part("line", { class: "cursor", y1: TOP, y2: HEIGHT - BOTTOM, visibility: "hidden" });
  drawing.replaceChildren(...parts, ...chart.lines.map((line, place) => part("path", { class: `run c${place + 1}`, d: path(line.points, x, y) })), cursor);
  drawing.setAttribute("aria-label", `${chart.title}, from ${moment(from)} to ${moment(until)}. ${chart.lines.map(line => `${line.name}: now ${lastWords(line, chart.unit)}`).join(". ")}`);
  const keys = plot.querySelector(".keys");
  const tell = at => {
    keyed(keys, chart.lines, line => line.name, () => make("span", {}, make("i"), make("span")), (key, line) => {
      key.firstChild.className = `c${chart.lines.indexOf(line) + 1}`;
      setText(key.lastChild, `${line.name} ${at === null ? lastWords(line, chart.unit) : valueWords(nearest(line.points, at), chart.unit)}`);
    });
    if (chart.more) keys.append(make("span", { textContent: `${number(chart.more)} more` }));
  };
  tell(null);
  drawing.onpointermove = event => {
    const box = drawing.getBoundingClientRect(), place = (event.clientX - box.left) / box.width * width;
    const at = from + (until - from) * (place - LEFT) / (width - LEFT - RIGHT);
    cursor.setAttribute("x1", place);
    cursor.setAttribute("x2", place);
    cursor.setAttribute("visibility", "visible");
    setText(plot.querySelector("h3"), `${chart.title}, ${moment(Math.max(from, Math.min(until, at)))}`);
    tell(at);
  };
  drawing.onpointerleave = () => {
    cursor.setAttribute("visibility", "hidden");
    setText(plot.querySelector("h3"), chart.title);
    tell(null);
  };
}

function path(points, x, y) {
  let pen = "M", text = "";
  for (const [at, value] of points) {
    if (value === null) { pen = "M"; continue; }
    // A line of no length is drawn as a dot: a moment alone is seen too.
    text += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}${pen === "M" ? "h0" : ""}`;
    pen = "L";
  }
  return text;
}
const nearest = (points, at) => points.reduce((best, one) => Math.abs(one[0] - at) < Math.abs(best[0] - at) ? one : best)[1];
const valueWords = (value, unit) => value === null ? "none" : withUnit(value, unit);
const lastWords = (line, unit) => valueWords(line.points.at(-1)[1], unit);
