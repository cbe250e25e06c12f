// The parts of a run that the stream tells: first line, progress, hosts.

import { $, bytes, commandLine, counted, duration, fillBar, keyed, make, moment, number, percent, setText, STATES, stateWords } from "./parts.js";

const STATE_WORDS = { starting: "starting", running: "running", paused: "paused", watching: "watching", hung: "hangs", dead: "ended without notice", stopped: "stopped", finished: "finished", preparing: "being prepared", unreadable: "cannot be read" };
export const stateName = run => STATE_WORDS[run.state] ?? run.state;

// ---- all runs, if there are several

export function showRuns(runs, chosen, choose) {
  $("runs").hidden = runs.length < 2;
  if (runs.length < 2) return;
  keyed($("runs"), runs, run => run.number, run => {
    const button = make("button", { type: "button" }, make("b"), " ", make("span", { className: "badge" }), make("div", { className: "bar" }), make("small"));
    button.addEventListener("click", () => choose(run.number));
    return button;
  }, (button, run) => {
    button.setAttribute("aria-current", String(run.number === chosen));
    setText(button.querySelector("b"), run.name);
    fillBadge(button.querySelector(".badge"), run);
    fillBar(button.querySelector(".bar"), run);
    setText(button.querySelector("small"), run.total ? `${percent(run.settled, run.total)} of ${number(run.total)}${leftWords(run)}` : "");
  });
}

function fillBadge(badge, run) {
  badge.className = `badge ${run.state}`;
  setText(badge, stateName(run));
}
const leftWords = run => run.state === "running" && run.eta_s ? `, ${duration(run.eta_s)} left` : "";

// ---- the first line

export function showFirst(run) {
  const first = $("first");
  first.hidden = false;
  if (first.dataset.of !== String(run.number)) {
    first.dataset.of = run.number;
    first.replaceChildren(
      make("p", { className: "big" }, make("b"), make("span", { className: "of" }), make("span", { className: "badge" }), make("span", { className: "share" })),
      make("div", { className: "bar", "aria-hidden": "true" }),
      make("p", { className: "eta" }), make("p", { className: "limit quiet" }), make("p", { className: "counts quiet" }), make("ul", { className: "trouble", hidden: true }), commandLine("go on with the run"));
  }
  const part = name => first.querySelector(name);
  const known = run.total !== undefined;
  setText(part(".big b"), known ? number(run.settled) : run.name);
  setText(part(".of"), known ? `of ${number(run.total)} settled` : "");
  setText(part(".share"), known ? percent(run.settled, run.total) : "");
  fillBadge(part(".badge"), run);
  fillBar(part(".bar"), run);
  setText(part(".eta"), etaWords(run));
  setText(part(".limit"), limitWords(run));
  setText(part(".counts"), known ? `${counted(run.stamps, "stamp")}. Each galaxy in each band: ${stateWords(run)}.` : run.words ?? "");
  showTroubles(part("ul"), run.troubles ?? []);
  const line = part(".command");
  line.hidden = !run.next;
  setText(line.querySelector("code"), run.next ?? "");
  return known ? `${percent(run.settled, run.total)} settled. ${etaWords(run)}` : stateName(run);
}

function etaWords(run) {
  switch (run.state) {
    case "running": return run.eta_s ? `About ${duration(run.eta_s)} left, until ${moment(Date.now() / 1000 + run.eta_s)}` : run.eta_s === 0 ? "Nearly done." : `The end is not known yet${run.eta_why ? `: ${run.eta_why}` : ""}.`;
    case "starting":
    case "watching":
    case "paused":
    case "hung":
    case "dead": return `${run.words}.`;
    case "finished": return run.settled_at ? `Finished ${moment(Date.parse(run.settled_at) / 1000)}.` : "Everything is settled.";
    case "stopped": return `${number(run.total - run.settled)} left; no harvest is running.`;
    case "preparing": return "The catalogue is being read.";
    default: return "";
  }
}

// What keeps it from being faster, and how fast it is.
function limitWords(run) {
  if (run.state !== "running") return "";
  const limits = run.limits.length ? `Limited by ${run.limits.join("; ")}. ` : "";
  return `${limits}Now ${run.speed}.`;
}

function showTroubles(list, troubles) {
  list.hidden = !troubles.length;
  keyed(list, troubles, text => text, text => make("li", { textContent: text }), () => {});
}

// ---- progress of each band

export function showProgress(run) {
  const bands = run.bands ?? [];
  $("progress").hidden = !bands.length;
  const legend = document.querySelector("#progress .legend");
  if (!legend.firstChild) legend.append(...STATES.map(([state, name]) => make("span", {}, make("i", { className: state }), name)));
  keyed($("bands"), bands, band => band.name,
    () => make("div", { className: "band" }, make("p", {}, make("b"), make("span")), make("div", { className: "bar", "aria-hidden": "true" }), make("small")),
    (element, band) => {
      const total = STATES.reduce((sum, [state]) => sum + band[state], 0);
      setText(element.querySelector("b"), band.name);
      setText(element.querySelector("span"), percent(total - band.located - band.pending, total));
      fillBar(element.querySelector(".bar"), band);
      setText(element.querySelector("small"), stateWords(band));
    });
}

// ---- hosts

export function showHosts(run) {
  const hosts = (run.hosts ?? []).filter(host => host.requests || host.waiting);
  $("hosts").hidden = !hosts.length;
  keyed($("host-list"), hosts, host => host.name,
    () => make("li", {}, make("b"), make("small", { className: "now" }), make("small", { className: "load" }), make("small", { className: "sum" })),
    (item, host) => {
      setText(item.querySelector("b"), host.name);
      const now = item.querySelector(".now");
      now.className = `now ${host.words && !host.words.startsWith("ready") || host.slowed_by ? "slow" : ""}`;
      setText(now, host.words || "not in use now");
      setText(item.querySelector(".load"), host.load);
      setText(item.querySelector(".sum"), `${counted(host.requests, "request")}, ${bytes(host.bytes)} so far`);
    });
}
