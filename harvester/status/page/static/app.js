// The page: what the stream tells is shown at once; larger parts are asked for.

import { chooseAbout } from "./about.js";
import { chooseCharts, prepareCharts } from "./charts.js";
import { prepareControl, showControl } from "./control.js";
import { prepareFailures, showFailures } from "./failures.js";
import { $, percent, setText } from "./parts.js";
import { showFirst, showHosts, showProgress, showRuns, stateName } from "./run.js";
import { chooseSky, prepareSky } from "./sky.js";
import { chooseStamps, prepareStamps } from "./stamps.js";
import { follow } from "./stream.js";

let runs = [], mayControl = false, spokenAt = 0;
const chosenNumber = () => Number(new URLSearchParams(location.hash.slice(1)).get("run") ?? 0);
const chosenRun = () => runs.find(run => run.number === chosenNumber()) ?? runs[0];

function choose(number) { location.hash = `run=${number}`; }
addEventListener("hashchange", show);

function show() {
  const run = chosenRun();
  if (!run) return;
  showRuns(runs, run.number, choose);
  setText($("title"), `Harvest ${run.name}`);
  document.title = run.total ? `${percent(run.settled, run.total)} ${run.name}` : `${run.name}: ${stateName(run)}`;
  speak(showFirst(run));
  showControl(run, mayControl);
  showProgress(run);
  showHosts(run);
  showFailures(run, mayControl);
  chooseCharts(run);
  chooseSky(run);
  chooseStamps(run);
  chooseAbout(run);
}

// A screen reader is told the progress once a minute, not each second.
const SPOKEN_MS = 60_000;
function speak(text) {
  if (Date.now() - spokenAt < SPOKEN_MS) return;
  spokenAt = Date.now();
  setText($("spoken"), text);
}

const LINKS = {
  live: "Live",
  lost: "The server does not answer. If the harvest has ended: harvester dashboard DIR",
  resting: "Resting while hidden",
};
function showLink(state) {
  $("link").className = state;
  setText($("link"), LINKS[state]);
}

for (const prepare of [prepareControl, prepareFailures, prepareCharts, prepareSky, prepareStamps]) prepare();
follow(news => { runs = news.runs; mayControl = news.controls; show(); }, showLink);
