// The map of the sky. East is left, as on the sky. Few galaxies are dots; many are counted
// by the server in a grid, and each cell has the mixed colour of its states.

import { $, counted, make, number, setText, STATES, stateWords, bytes } from "./parts.js";
import { ask, repeatedly } from "./stream.js";

const EVERY_MS = 10_000, SETTLE_MS = 250, MOST_ZOOM = 1e5;
let run = null, survey = 0, told = null, view = null, again = () => {}, timer = 0, asked = "";
let canvas, out, shownOf = -1;

export function prepareSky() {
  canvas = make("canvas", { tabIndex: 0, role: "img" });
  out = make("output");
  $("map").append(canvas, out);
  const select = make("select", { id: "sky-survey" });
  select.addEventListener("change", () => { survey = Number(select.value); reload(); });
  const button = (text, label, work) => {
    const made = make("button", { type: "button", textContent: text, "aria-label": label });
    made.addEventListener("click", work);
    return made;
  };
  $("sky-choice").append(make("label", {}, "Survey", select),
    button("+", "Zoom in", () => zoom(2)), button("−", "Zoom out", () => zoom(0.5)), button("All", "Show the whole run", showAll));
  listen();
  new ResizeObserver(() => told && draw()).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => told && draw());
  again = repeatedly(load, EVERY_MS);
}

export function chooseSky(chosen) {
  run = chosen;
  if (!chosen.surveys) $("sky").hidden = true;
  if (!chosen.surveys || shownOf === chosen.number) return;
  shownOf = chosen.number;
  const select = $("sky-survey");
  select.replaceChildren(...Object.entries(chosen.surveys).map(([value, textContent]) => make("option", { value, textContent })));
  survey = Number(select.value);
  told = view = null;
  canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  setText(out, "The galaxies are being counted …");
  $("sky").hidden = false;
  reload();
}

function reload() { again(); load(); }

async function load() {
  if (!run?.surveys) return;
  const box = view ? `&box=${[view.ra, view.dec, view.width, view.height].map(one => one.toPrecision(9)).join(",")}` : "";
  const path = `/api/${run.number}/sky?survey=${survey}${box}`;
  asked = path;
  const answer = await ask(path);
  if (path !== asked) return;
  $("sky").hidden = !answer.all;
  if (!answer.all) return;
  told = answer;
  draw();
}

// ---- what is seen

const boxOf = ([ra, dec, width, height]) => ({ ra, dec, width, height });
const whole = () => boxOf(told.all);
const shown = () => view ?? whole();

function showAll() { view = null; draw(); reload(); }
function zoom(factor, atX = 0.5, atY = 0.5) {
  if (!told) return;
  const now = shown(), all = whole();
  const width = Math.min(all.width, Math.max(all.width / MOST_ZOOM, now.width / factor));
  const height = now.height * width / now.width;
  move({ ra: now.ra + (now.width - width) * (1 - atX), dec: now.dec + (now.height - height) * (1 - atY), width, height });
}
function pan(shareX, shareY) {
  const now = shown();
  move({ ...now, ra: now.ra + shareX * now.width, dec: now.dec + shareY * now.height });
}
function move(box) {
  const all = whole(), clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));
  view = { ...box, ra: clamp(box.ra, all.ra, all.ra + all.width - box.width), dec: clamp(box.dec, all.dec, all.dec + all.height - box.height) };
  if (box.width >= all.width) view = null;
  draw();
  clearTimeout(timer);
  timer = setTimeout(load, SETTLE_MS);
}

// ---- drawing

// As high as the whole run is wide and high on the sky, within limits.
const LOWEST = 200, HIGHEST = 380;
function heightFor(width) {
  const all = whole(), squeeze = Math.cos((all.dec + all.height / 2) * Math.PI / 180);
  return Math.round(Math.min(HIGHEST, Math.max(LOWEST, width * all.height / (all.width * Math.max(0.02, squeeze)))));
}

// The box keeps its shape on the sky: it is fitted into the canvas.
function frame() {
  const box = shown(), ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = heightFor(width);
  if (canvas.style.height !== `${height}px`) canvas.style.height = `${height}px`;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const squeeze = Math.max(0.02, Math.cos((box.dec + box.height / 2) * Math.PI / 180));
  const scale = Math.min(width / (box.width * squeeze), height / box.height);
  const wide = box.width * squeeze * scale, high = box.height * scale;
  const left = (width - wide) / 2, top = (height - high) / 2;
  return {
    ratio, width, height, left, top, wide, high,
    x: ra => left + wide * (1 - (ra - box.ra) / box.width),
    y: dec => top + high * (1 - (dec - box.dec) / box.height),
    at: (x, y) => [box.ra + box.width * (1 - (x - left) / wide), box.dec + box.height * (1 - (y - top) / high)],
  };
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = { done: "--accent", no_coverage: "--none", failed: "--fail", located: "--located", pending: "--line" };
  return told.states.map(state => {
    const hex = style.getPropertyValue(names[state]).trim().slice(1);
    const long = hex.length === 3 ? [...hex].map(one => one + one).join("") : hex;
    return [0, 2, 4].map(place => parseInt(long.slice(place, place + 2), 16));
  });
}

function draw() {
  const place = frame(), pen = canvas.getContext("2d"), colour = colours();
  pen.setTransform(place.ratio, 0, 0, place.ratio, 0, 0);
  pen.clearRect(0, 0, place.width, place.height);
  if (told.points) drawPoints(pen, place, colour); else drawCells(pen, place, colour);
  drawGrid(pen, place);
  const counts = sums(), all = told.galaxies;
  canvas.setAttribute("aria-label", `Map of ${counted(all, "galaxy", "galaxies")} in ${run.surveys[survey]}: ${stateWords(counts)}. Plus and minus zoom, arrows move.`);
  tellAll(counts);
}

// Lines of right ascension and declination, a few of each.
function drawGrid(pen, place) {
  const box = shown(), style = getComputedStyle(document.documentElement);
  pen.strokeStyle = style.getPropertyValue("--quiet");
  pen.lineWidth = 0.25;
  pen.fillStyle = style.getPropertyValue("--text");
  pen.font = "11px system-ui, sans-serif";
  pen.beginPath();
  for (const ra of ticks(box.ra, box.width)) {
    pen.moveTo(place.x(ra), place.top);
    pen.lineTo(place.x(ra), place.top + place.high);
    pen.fillText(`${+wrapped(ra).toFixed(6)}°`, place.x(ra) + 4, place.top + place.high - 5);
  }
  for (const dec of ticks(box.dec, box.height)) {
    pen.moveTo(place.left, place.y(dec));
    pen.lineTo(place.left + place.wide, place.y(dec));
    pen.fillText(`${signed(+dec.toFixed(6), 0, true)}°`, place.left + 4, place.y(dec) - 4);
  }
  pen.stroke();
}
function ticks(start, length) {
  const rough = length / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = (length > 180 ? [60, 90] : [1, 2, 5, 10].map(one => one * power)).find(one => one >= rough) ?? 90;
  const first = Math.ceil(start / step);
  return Array.from({ length: Math.floor((start + length) / step) - first + 1 }, (_, place) => (first + place) * step);
}
const wrapped = ra => (ra + 360) % 360;
const signed = (value, digits, short = false) => `${value < 0 ? "−" : "+"}${short ? Math.abs(value) : Math.abs(value).toFixed(digits)}`;

function drawPoints(pen, place, colour) {
  const radius = told.points.length > 800 ? 2 : 3;
  // What failed is drawn last, so that it is seen.
  const order = [...told.points].sort((a, b) => rank(a[2]) - rank(b[2]));
  for (const [ra, dec, state] of order) {
    pen.fillStyle = `rgb(${colour[state]})`;
    pen.beginPath();
    pen.arc(place.x(ra), place.y(dec), radius, 0, 7);
    pen.fill();
  }
}
const rank = state => told.states[state] === "failed" ? 2 : told.states[state] === "done" ? 1 : 0;

// A cell with failures has a corner in their colour, also if they are few.
const failedShare = share => Math.max(0.25, share);

function drawCells(pen, place, colour) {
  const failed = told.states.indexOf("failed");
  const box = boxOf(told.box), [columns, rows] = told.grid;
  const wide = place.wide * box.width / shown().width / columns, high = place.high * box.height / shown().height / rows;
  for (const [column, row, ...jobs] of told.cells) {
    const all = jobs.reduce((sum, one) => sum + one, 0);
    const mixed = [0, 1, 2].map(part => Math.round(jobs.reduce((sum, one, state) => sum + one * colour[state][part], 0) / all));
    pen.fillStyle = `rgb(${mixed})`;
    const left = place.x(box.ra + box.width * (column + 1) / columns), top = place.y(box.dec + box.height * (row + 1) / rows);
    pen.fillRect(left, top, Math.max(3, wide + 0.3), Math.max(3, high + 0.3));
    if (jobs[failed]) {
      pen.fillStyle = `rgb(${colour[failed]})`;
      pen.fillRect(left, top, Math.max(1.5, wide * failedShare(jobs[failed] / all)), Math.max(1.5, high * 0.5));
    }
  }
}

function sums() {
  const counts = Object.fromEntries(STATES.map(([state]) => [state, 0]));
  for (const [, , state] of told.points ?? []) counts[told.states[state]] += 1;
  for (const [, , ...jobs] of told.cells ?? []) jobs.forEach((one, state) => { counts[told.states[state]] += one; });
  return counts;
}

function tellAll(counts) {
  const drawn = told.points ? `${number(told.points.length)} dots` : `${number(told.cells.length)} cells`;
  const size = bytes(JSON.stringify(told).length);
  setText(out, `${counted(told.galaxies, "galaxy", "galaxies")}: ${stateWords(counts)} (${drawn}, ${size})`);
}

// ---- pointer and keys

function listen() {
  const held = new Map();
  let apart = 0;
  canvas.addEventListener("wheel", event => {
    event.preventDefault();
    const box = canvas.getBoundingClientRect();
    zoom(event.deltaY < 0 ? 1.3 : 1 / 1.3, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }, { passive: false });
  canvas.addEventListener("pointerdown", event => { held.set(event.pointerId, event); canvas.setPointerCapture(event.pointerId); });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, event => { held.delete(event.pointerId); apart = 0; });
  canvas.addEventListener("pointermove", event => {
    if (!told) return;
    const before = held.get(event.pointerId);
    if (!before) return hover(event);
    held.set(event.pointerId, event);
    if (held.size === 2) {
      const [a, b] = [...held.values()], now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
      if (apart) zoom(now / apart);
      apart = now;
    } else {
      const place = frame();
      pan((event.clientX - before.clientX) / place.wide, (event.clientY - before.clientY) / place.high);
    }
  });
  canvas.addEventListener("pointerleave", () => told && tellAll(sums()));
  const moves = { ArrowLeft: [0.2, 0], ArrowRight: [-0.2, 0], ArrowUp: [0, 0.2], ArrowDown: [0, -0.2] };
  canvas.addEventListener("keydown", event => {
    if (!told || event.ctrlKey || event.metaKey) return;
    if (moves[event.key]) pan(...moves[event.key]);
    else if ("+=".includes(event.key)) zoom(2);
    else if (event.key === "-") zoom(0.5);
    else if (event.key === "0") showAll();
    else return;
    event.preventDefault();
  });
}

function hover(event) {
  const box = canvas.getBoundingClientRect(), place = frame();
  const x = event.clientX - box.left, y = event.clientY - box.top, [ra, dec] = place.at(x, y);
  const where = `RA ${wrapped(ra).toFixed(4)}, Dec ${signed(dec, 4)}`;
  setText(out, told.points ? nearPoint(place, x, y, where) : inCell(ra, dec, where));
}
const NEAR_PX = 8;
function nearPoint(place, x, y, where) {
  let best = null, least = NEAR_PX;
  for (const point of told.points) {
    const away = Math.hypot(place.x(point[0]) - x, place.y(point[1]) - y);
    if (away < least) [best, least] = [point, away];
  }
  return best ? `${best[3]}: ${STATES.find(([state]) => state === told.states[best[2]])[1]}; RA ${wrapped(best[0])}, Dec ${signed(best[1], 5)}` : where;
}
function inCell(ra, dec, where) {
  const box = boxOf(told.box), [columns, rows] = told.grid;
  const column = Math.floor((ra - box.ra) / box.width * columns), row = Math.floor((dec - box.dec) / box.height * rows);
  const cell = told.cells.find(one => one[0] === column && one[1] === row);
  if (!cell) return where;
  return `${where}: ${stateWords(Object.fromEntries(told.states.map((state, place) => [state, cell[place + 2]])))}`;
}
