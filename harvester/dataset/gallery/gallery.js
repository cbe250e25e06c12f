"use strict";
const facts = JSON.parse(document.getElementById("facts").textContent);
const $ = id => document.getElementById(id);

// Data come as scripts that call receive(): a page that is opened from disk may not
// fetch files, but may add scripts and pictures of its own folder.
const asked = new Map(), waiting = new Map();
function receive(file, data) { waiting.get(file)(data); }
function load(file) {
  if (!asked.has(file)) asked.set(file, new Promise((resolve, reject) => {
    const script = document.createElement("script");
    waiting.set(file, resolve);
    script.onload = () => script.remove();
    script.onerror = () => { asked.delete(file); script.remove(); reject(new Error(`gallery/${file}.js is missing`)); };
    script.src = `gallery/${file}.js`;
    document.head.append(script);
  }));
  return asked.get(file);
}

function chunkOf(number) {
  const chunk = Math.floor(number / facts.per_chunk);
  const [folder] = facts.first_chunk.split("/");
  return `${folder}/${String(Math.floor(chunk / 500)).padStart(4, "0")}/${String(chunk).padStart(6, "0")}`;
}
async function recordOf(number) {
  const file = chunkOf(number), records = await load(file);
  return { ...records[number % facts.per_chunk], file, count: records.reduce((sum, one) => sum + one.tiles.length, 0) };
}

// ---- small parts of the page

function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter(child => child !== null && child !== ""));
  return made;
}
const words = text => String(text).replaceAll("_", " ");
const percent = part => { const text = `${Math.round(part * 100)}%`; return text === "100%" ? "" : text; };
function shortened(value) {
  if (value === null || value === "") return "";
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(6))) : String(value);
}

function tileView(record, tile, side, label) {
  if (tile.at < 0) return make("div", { className: "gone", textContent: "file missing" });
  const view = make("div", { className: "tile", role: "img", ariaLabel: label });
  const across = Math.min(facts.across, record.count), zoom = side / facts.side;
  view.style.width = view.style.height = `${side}px`;
  view.style.backgroundImage = `url("gallery/${record.file}.jpg")`;
  view.style.backgroundSize = `${across * facts.side * zoom}px auto`;
  view.style.backgroundPosition = `${-(tile.at % facts.across) * side}px ${-Math.floor(tile.at / facts.across) * side}px`;
  return view;
}
function caption(tile) {
  const part = percent(tile.coverage);
  return make("figcaption", {}, tile.name, part ? make("em", { textContent: ` ${part}` }) : "");
}
// A colour picture stands for all bands of its archive.
function mainTiles(record) {
  const coloured = new Set(record.tiles.filter(tile => tile.colour).map(tile => tile.archive));
  return record.tiles.filter(tile => tile.colour || !coloured.has(tile.archive));
}
const isOf = (band, row) => band.archive === row[facts.own.indexOf("survey")] && band.name === `${band.title} ${row[facts.own.indexOf("band")]}`;
function missing(record) {
  const column = name => facts.own.indexOf(name);
  return record.rows.filter(row => row[column("status")] !== "done").map(row => {
    const band = facts.bands.find(one => isOf(one, row));
    const [why, code] = ["missing_reason", "reason"].map(name => row[column(name)]);
    // "error" says less than the code of the error.
    return `${band ? band.name : row[column("band")]}: ${words((why === "error" && code) || why || row[column("status")])}`;
  });
}

// ---- cards, in blocks that are filled when they come near the window

const BLOCK = 24;
let matches = null, blocks = [];  // null: all galaxies, in the order of the catalogue
const count = () => matches ? matches.length : facts.galaxies;
const numberAt = place => matches ? matches[place] : place;

// A block that only flies past while the user scrolls far is not loaded.
const PASSING_MS = 80;
const passing = new Map();
const watch = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries) {
    clearTimeout(passing.get(target));
    passing.delete(target);
    if (isIntersecting) passing.set(target, setTimeout(fill, PASSING_MS, target));
    else empty(target);
  }
}, { rootMargin: "500px 0px" });

function showMatches() {
  watch.disconnect();
  blocks = [];
  for (let start = 0; start < count(); start += BLOCK) {
    const block = make("section");
    block.dataset.start = start;
    blocks.push(block);
  }
  $("main").replaceChildren(...blocks);
  if (!blocks.length) $("main").append(make("p", { className: "none", textContent: facts.galaxies ? "No galaxy matches all filters." : "The run has no galaxies." }));
  setHeights();
  for (const block of blocks) watch.observe(block);
  $("shown").textContent = matches ? `${count().toLocaleString("en")} of ${facts.galaxies.toLocaleString("en")} galaxies` : "";
}
const columns = () => Math.max(1, Math.floor(($("main").clientWidth + 14) / 314));
function setHeights() {
  const rows = Math.ceil(BLOCK / columns());
  for (const block of blocks)
    if (!block.firstChild) block.style.minHeight = `${rows * 280}px`;
}
function fill(block) {
  if (block.firstChild) return;
  const start = Number(block.dataset.start), cards = [];
  for (let place = start; place < Math.min(start + BLOCK, count()); place++) cards.push(makeCard(place));
  block.style.minHeight = "";
  block.replaceChildren(...cards);
}
function empty(block) {
  if (!block.firstChild || block.contains(document.activeElement)) return;
  block.style.minHeight = `${block.offsetHeight}px`;
  block.replaceChildren();
}
function makeCard(place) {
  const card = make("article", { tabIndex: 0, role: "button" });
  card.dataset.place = place;
  recordOf(numberAt(place)).then(record => fillCard(card, record), error => { card.textContent = error.message; });
  return card;
}
function fillCard(card, record) {
  const shots = mainTiles(record).map(tile => make("figure", {}, tileView(record, tile, facts.side, tile.name), caption(tile)));
  const labels = facts.on_card.filter(place => shortened(record.labels[place]) !== "").map(place =>
    make("div", {}, make("dt", { textContent: facts.labels[place] }), make("dd", { textContent: shortened(record.labels[place]) })));
  card.ariaLabel = `Galaxy ${record.id}`;
  card.replaceChildren(
    make("div", { className: "shots" }, ...shots),
    make("h2", { textContent: record.id }),
    make("p", { className: "place", textContent: position(record) }),
    make("dl", {}, ...labels),
    make("p", { className: "missing" }, ...missing(record).map(text => make("span", { textContent: text }))));
}
const position = record => `${record.ra.toFixed(5)} ${record.dec < 0 ? "" : "+"}${record.dec.toFixed(5)}`;

// ---- the record of one galaxy

let opened = -1;
async function open(place) {
  if (place < 0 || place >= count()) return;
  opened = place;
  const record = await recordOf(numberAt(place));
  if (opened !== place) return;
  $("name").textContent = record.id;
  $("before").disabled = place === 0;
  $("after").disabled = place === count() - 1;
  if (!$("record").open) $("record").showModal();
  $("body").replaceChildren(...recordParts(record));
  $("record").scrollTop = 0;
}
function recordParts(record) {
  const main = mainTiles(record), others = record.tiles.filter(tile => !main.includes(tile));
  const width = $("record").clientWidth - 44;
  const links = record.pages.map(([title, page]) => make("a", { href: page, target: "_blank", rel: "noopener noreferrer", textContent: `${title} page of this position` }));
  return [
    make("p", { className: "place", textContent: `${position(record)} (ICRS degrees)` }),
    make("div", { className: "links" }, ...links),
    views(record, main, Math.min(360, width / Math.min(2, main.length || 1) - 8), true),
    others.length ? views(record, others, Math.min(150, width / 3 - 10), false) : "",
    make("h3", { textContent: "Labels of the catalogue" }),
    table([], facts.labels.map((name, place) => [name, record.labels[place]])),
    make("h3", { textContent: "Stamps" }),
    stampTable(record),
  ];
}
// All pictures have one scale: the widest field takes the whole side.
function views(record, tiles, side, withMarks) {
  const widest = Math.max(...record.tiles.map(tile => tile.field), 1e-9);
  return make("div", { className: "views" }, ...tiles.map(tile => {
    const shown = Math.max(16, Math.round(side * (tile.field / widest || 1)));
    const view = tileView(record, tile, shown, `${tile.name}, ${tile.field} arcsec wide, north up`);
    if (withMarks && tile.at >= 0) view.append(scaleBar(tile.field, shown), make("span", { className: "north", textContent: "N up, E left" }));
    return make("figure", {}, view, caption(tile));
  }));
}
function scaleBar(field, side) {
  const lengths = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600];
  const length = lengths.findLast(one => one <= field / 3) || lengths[0];
  const bar = make("span", { className: "scale" }, make("b", { textContent: `${length}″` }));
  bar.style.width = `${side * length / field}px`;
  return bar;
}
function table(head, rows, meanings = {}) {
  const filled = rows.filter(([, ...values]) => values.some(value => value !== null && value !== ""));
  return make("div", { className: "wide" }, make("table", {},
    make("thead", {}, make("tr", {}, ...head.map(text => make("th", { textContent: text, scope: "col" })))),
    make("tbody", {}, ...filled.map(([name, ...values]) =>
      make("tr", {}, rowHead(name, meanings[name]), ...values.map(cell))))));
}
function rowHead(name, [unit, meaning] = ["", ""]) {
  return make("th", { textContent: name, scope: "row", title: meaning }, unit ? make("small", { textContent: ` ${unit}` }) : "");
}
function cell(value) {
  const number = typeof value === "number" ? Number(value.toPrecision(9)) : value;
  const text = value === null ? "" : String(number);
  if (!/^https?:\/\//.test(text)) return make("td", { textContent: text });
  return make("td", {}, make("a", { href: text, target: "_blank", rel: "noopener noreferrer", textContent: text }));
}
function stampTable(record) {
  const column = name => facts.own.indexOf(name);
  const place = row => facts.bands.findIndex(band => isOf(band, row));
  const rows = [...record.rows].sort((one, other) => place(one) - place(other));
  const shown = facts.own.filter(name => !["id_str", "ra", "dec", "survey", "band", "target"].includes(name));
  const heads = rows.map(row => facts.bands[place(row)]?.name ?? `${row[column("survey")]} ${row[column("band")]}`);
  const meanings = Object.fromEntries(facts.own.map((name, number) => [name, facts.told[number]]));
  return table(["", ...heads], shown.map(name => [name, ...rows.map(row => row[column(name)])]), meanings);
}

// ---- filters

const chosen = new Map();  // place of a label filter in facts.filters -> its controls

function options(select, first, values) {
  select.replaceChildren(make("option", { value: "", textContent: first }), ...values.map(([value, text]) => make("option", { value, textContent: text })));
}
function buildFilters() {
  const titles = new Map(facts.bands.map(band => [band.archive, band.title]));
  const surveys = titles.size > 1 ? [...titles].map(([archive, title]) => [`@${archive}`, `${title}, any band`]) : [];
  options($("band"), "any", [...surveys, ...facts.bands.map((band, number) => [number, band.name])]);
  options($("status"), "any", facts.words.status.map((text, code) => [code, words(text)]));
  options($("reason"), "any", facts.words.reason.map((text, code) => [code, words(text)]).filter(([, text]) => text));
  options($("flag"), "any", [...facts.words.flag_names.map(name => [name, words(name)]), ["-", "no flag"]]);
  options($("label"), "add …", facts.filters.map((one, number) => [number, one.name]));
  options($("sort"), "as in the catalogue", [["bands", "most bands first"], ["coverage", "least coverage first"],
    ...facts.filters.map((one, number) => [one, number]).filter(([one]) => one.kind === "range")
      .flatMap(([one, number]) => [[`+${number}`, `${one.name} rising`], [`-${number}`, `${one.name} falling`]])]);
  $("reason").parentElement.hidden = !facts.words.reason.some(text => text);
  $("flag").parentElement.hidden = !facts.words.flag_names.length;
  $("label").parentElement.hidden = !facts.filters.length;
}
function addLabel(number) {
  if (chosen.has(number)) return;
  const { name, kind, values } = facts.filters[number];
  const box = make("div", { className: "filter" }, make("b", { textContent: name }));
  let test;
  if (kind === "choice") {
    const boxes = values.map(value => make("input", { type: "checkbox", value }));
    boxes.forEach((input, code) => box.append(make("label", {}, input, values[code])));
    test = () => { const wanted = new Set(boxes.flatMap((input, code) => input.checked ? [code] : [])); return wanted.size ? value => wanted.has(value) : null; };
  } else if (kind === "range") {
    const [low, high] = values.map((value, end) => make("input", { type: "number", step: "any", placeholder: value, ariaLabel: `${name} ${end ? "at most" : "at least"}` }));
    box.append(low, "to", high);
    test = () => low.value + high.value === "" ? null : value =>
      value !== null && (low.value === "" || value >= Number(low.value)) && (high.value === "" || value <= Number(high.value));
  } else {
    const input = make("input", { type: "search", ariaLabel: `${name} contains`, placeholder: "contains" });
    box.append(input);
    test = () => { const text = input.value.toLowerCase(); return text ? value => value !== null && value.toLowerCase().includes(text) : null; };
  }
  const remove = make("button", { type: "button", textContent: "×", ariaLabel: `Remove the filter ${name}` });
  remove.addEventListener("click", () => { chosen.delete(number); box.remove(); later(); });
  box.append(remove);
  chosen.set(number, { box, test });
  $("chosen").append(box);
  box.querySelector("input").focus();
}

let turn = 0, timer = 0;
function later() { clearTimeout(timer); timer = setTimeout(apply, 150); }
async function apply() {
  const mine = ++turn, tests = [];
  try {
    const text = $("text").value.trim().toLowerCase();
    if (text) {
      const ids = await load("columns/id");
      tests.push(number => ids[number].toLowerCase().includes(text));
    }
    for (const [place, { test }] of chosen) {
      const accepts = test();
      if (!accepts) continue;
      const column = await load(facts.filters[place].file);
      tests.push(number => accepts(column[number]));
    }
    const stamps = stampTest();
    if (stamps) {
      const bands = await bandColumns($("band").value);
      tests.push(number => bands.some(band => stamps(band, number)));
    }
    const rank = await ranking();
    if (mine !== turn) return;  // the user went on typing meanwhile
    matches = tests.length || rank ? sift(tests, rank) : null;
    $("clear").hidden = !matches && !chosen.size;
    showMatches();
    window.scrollTo({ top: 0 });
  } catch (error) {
    $("shown").textContent = `${error.message}: run harvester gallery again`;
  }
}
function sift(tests, rank) {
  const found = [];
  for (let number = 0; number < facts.galaxies; number++)
    if (tests.every(test => test(number))) found.push(number);
  return rank ? found.sort((one, other) => rank(one) - rank(other) || one - other) : found;
}
// "": all bands; "@sdss": those of an archive; "2": one band.
function bandColumns(band) {
  const wanted = facts.bands.flatMap((one, number) => band === "" || band === `@${one.archive}` || band === String(number) ? [number] : []);
  return Promise.all(wanted.map(number => load(`columns/band-${number}`)));
}
// Status, reason, flag and coverage must hold of one stamp, not each of another.
function stampTest() {
  const [status, reason, flag] = ["status", "reason", "flag"].map(id => $(id).value), least = Number($("coverage").value) / 100;
  const flagged = new Set(facts.words.flags.flatMap((text, code) => (flag === "-" ? text === "" : text.split(" ").includes(flag)) ? [code] : []));
  const done = facts.words.status.indexOf("done");
  const needsStamp = flag !== "" || least > 0 || (status === "" && reason === "");
  if ([$("band").value, status, reason, flag].every(value => value === "") && !(least > 0)) return null;
  return (band, number) => band.status[number] >= 0
    && (status === "" || band.status[number] === Number(status))
    && (reason === "" || band.reason[number] === Number(reason))
    && (flag === "" || flagged.has(band.flags[number]))
    && (!(least > 0) || band.coverage[number] >= least)
    && (!needsStamp || band.status[number] === done);
}
async function ranking() {
  const by = $("sort").value;
  if (by === "") return null;
  if (by === "bands" || by === "coverage") {
    const bands = await bandColumns(""), done = facts.words.status.indexOf("done");
    const have = number => bands.filter(band => band.status[number] === done);
    if (by === "bands") return number => -have(number).length;
    return number => Math.min(2, ...have(number).map(band => band.coverage[number]));
  }
  const column = await load(facts.filters[Number(by.slice(1))].file), sign = by[0] === "-" ? -1 : 1;
  return number => column[number] === null ? Number.MAX_VALUE : sign * column[number];
}

// ---- the rest: counts, events, keys

function showCounts() {
  $("counts").append(...facts.bands.map(({ name, counts }) => {
    const parts = Object.entries(counts);
    const bar = make("span", { className: "bar" }, ...parts.map(([state, number]) => {
      const part = make("i", { className: state });
      part.style.flex = number;
      return part;
    }));
    const text = parts.map(([state, number]) => `${number.toLocaleString("en")} ${words(state)}`).join(", ");
    return make("li", {}, make("b", { textContent: name }), bar, make("small", { textContent: text }));
  }));
}
function focusCard(place) {
  if (place < 0 || place >= count()) return;
  const block = blocks[Math.floor(place / BLOCK)];
  fill(block);
  const card = block.querySelector(`[data-place="${place}"]`);
  card.focus();
  card.scrollIntoView({ block: "nearest" });
}
function moveBy(key) {
  return { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() }[key];
}
document.addEventListener("keydown", event => {
  const inField = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if ($("record").open) {
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") { event.preventDefault(); open(opened + moveBy(event.key)); }
  } else if (event.key === "/" && !inField) {
    event.preventDefault();
    $("text").focus();
  } else if (event.target.dataset.place !== undefined) {
    const place = Number(event.target.dataset.place);
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(place); }
    else if (moveBy(event.key)) { event.preventDefault(); focusCard(place + moveBy(event.key)); }
  }
});
$("main").addEventListener("click", event => {
  const card = event.target.closest("article");
  if (card) open(Number(card.dataset.place));
});
$("record").addEventListener("close", () => { focusCard(opened); opened = -1; });
$("record").addEventListener("click", event => { if (event.target === $("record")) $("record").close(); });
$("close").addEventListener("click", () => $("record").close());
$("before").addEventListener("click", () => open(opened - 1));
$("after").addEventListener("click", () => open(opened + 1));
$("more").addEventListener("click", () => {
  $("filters").hidden = !$("filters").hidden;
  $("more").ariaExpanded = String(!$("filters").hidden);
});
$("label").addEventListener("change", event => {
  event.stopPropagation();
  if ($("label").value !== "") addLabel(Number($("label").value));
  $("label").value = "";
});
$("clear").addEventListener("click", () => { $("form").reset(); chosen.clear(); $("chosen").replaceChildren(); later(); });
$("form").addEventListener("input", event => { if (event.target !== $("label")) later(); });
$("form").addEventListener("submit", event => event.preventDefault());
window.addEventListener("resize", setHeights);
$("form").reset();
buildFilters();
showCounts();
showMatches();
