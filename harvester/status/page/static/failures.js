// Failures by reason, the galaxies behind them, and commands that try them again.

import { retryButtons, takesCommands } from "./control.js";
import { $, commandLine, counted, keyed, make, number, setText, words } from "./parts.js";
import { ask } from "./stream.js";

let shown = null, allowed = false;

export function prepareFailures() {
  $("failure-filter").addEventListener("input", () => shown && showFailures(shown, allowed));
}

export function showFailures(run, mayControl) {
  shown = run;
  allowed = mayControl;
  const failures = run.failures ?? [];
  $("failures").hidden = !failures.length;
  const wanted = $("failure-filter").value.trim().toLowerCase();
  const some = failures.filter(one => `${words(one.reason)} ${one.reason} ${one.of}`.toLowerCase().includes(wanted));
  const jobs = some.reduce((sum, one) => sum + one.jobs, 0);
  const more = run.more_reasons ? ` ${counted(run.more_reasons, "further reason")} with fewer jobs not shown.` : "";
  setText($("failures-shown"), some.length ? `${counted(jobs, "job")} for ${counted(some.length, "reason")}.${more}` : "No reason matches.");
  keyed($("groups"), some, one => `${run.number} ${one.survey} ${one.reason}`, one => newGroup(run, one), (group, one) => fillGroup(group, one, takesCommands(run, mayControl)));
}

function newGroup(run, one) {
  const group = make("details", {}, make("summary", {}, make("b"), make("span", { className: "quiet" }), make("span", { className: "count" })));
  const body = make("tbody"), more = make("button", { type: "button", textContent: "More galaxies", hidden: true });
  const note = make("p", { className: "quiet", role: "status" });
  group.append(make("div", { className: "inside" },
    make("p", { className: "quiet", textContent: "Try ten of them first, then all." }),
    retryButtons(run, one), commandLine("retry ten"), commandLine("retry all"),
    make("div", { className: "wide", tabIndex: 0, role: "region", "aria-label": `Galaxies that failed: ${words(one.reason)}` }, make("table", {}, make("thead", {}, make("tr", {}, ...["Galaxy", "RA", "Dec", "Tries"].map(text => make("th", { textContent: text, scope: "col" })))), body)), more, note));
  let after = -1, loaded = false;
  async function load() {
    loaded = true;
    more.disabled = true;
    try {
      const found = await ask(`/api/${run.number}/failures?${new URLSearchParams({ survey: one.survey, reason: one.reason, after })}`);
      body.append(...found.galaxies.map(row));
      after = found.more;
      more.hidden = after === null;
      setText(note, "");
    } catch (error) { loaded = false; setText(note, error.message); }
    more.disabled = false;
  }
  more.addEventListener("click", load);
  group.addEventListener("toggle", () => { if (group.open && !loaded) load(); });
  return group;
}

const row = galaxy => make("tr", {}, ...[galaxy.id, galaxy.ra.toFixed(5), `${galaxy.dec < 0 ? "" : "+"}${galaxy.dec.toFixed(5)}`, galaxy.attempts].map(text => make("td", { textContent: text })));

function fillGroup(group, one, mayRetry) {
  group.querySelector(".buttons").hidden = !mayRetry;
  setText(group.querySelector("b"), words(one.reason));
  setText(group.querySelector("summary .quiet"), one.of);
  setText(group.querySelector(".count"), counted(one.jobs, "job"));
  const [some, all] = group.querySelectorAll("code");
  setText(some, one.retry_some);
  setText(all, one.retry_all);
}
