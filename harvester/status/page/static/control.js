// Commands to the harvest at work, if the page may send them.

import { $, keyed, make, setText } from "./parts.js";
import { command } from "./stream.js";

let shown = null;

export const takesCommands = (run, allowed) => Boolean(allowed && run.takes_commands);

export function prepareControl() {
  $("pause").addEventListener("click", () => send(shown.state === "paused" ? "resume" : "pause"));
  $("retry-all").addEventListener("click", () => send("retry"));
  $("rate-form").addEventListener("submit", event => {
    event.preventDefault();
    send("rate", { host: $("rate-host").value, rate: Number($("rate").value) });
  });
  $("rate-host").addEventListener("change", showRate);
}

export function showControl(run, allowed) {
  const isNew = shown?.number !== run.number;
  shown = run;
  const isOn = takesCommands(run, allowed);
  $("control").hidden = !isOn;
  setText($("footer"), allowed ? "This page reads the ledger of the run; its commands change the harvest at work. It rests while it is hidden." : "This page reads the ledger of the run and changes nothing. It rests while it is hidden.");
  if (!isOn) return;
  setText($("pause"), run.state === "paused" ? "Resume" : "Pause");
  $("retry-all").hidden = !run.failed;
  const hosts = run.hosts.filter(host => host.full_rate);
  $("rate-form").hidden = !hosts.length;
  keyed($("rate-host"), hosts, host => host.name, host => make("option", { value: host.name, textContent: host.name }), () => {});
  if (isNew || !$("rate").value) showRate();
}

function showRate() {
  const host = shown.hosts.find(one => one.name === $("rate-host").value);
  if (host) $("rate").value = host.full_rate;
}

// Buttons that retry the failures of one group.
export function retryButtons(run, one) {
  const details = { reason: one.pattern, surveys: [one.of] };
  const some = make("button", { type: "button", textContent: "Retry ten now" });
  const all = make("button", { type: "button", textContent: "Retry all now" });
  some.addEventListener("click", () => send("retry", { ...details, limit: 10 }));
  all.addEventListener("click", () => send("retry", details));
  return make("div", { className: "choice buttons" }, some, all);
}

async function send(verb, details = {}) {
  const note = $("control-note");
  note.className = "quiet";
  const token = $("token").value.trim();
  if (!token) {
    setText(note, "Enter the token of this page first.");
    $("token").focus();
    return;
  }
  setText(note, "Sent …");
  try {
    const answer = await command(`/api/${shown.number}/control`, token, { verb, details });
    setText(note, `Done: ${answer.words}.`);
  } catch (error) {
    note.className = "trouble";
    setText(note, `Not done: ${error.message}`);
  }
}
