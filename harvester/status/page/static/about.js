// Settings and versions, asked for once when they are opened.

import { $, make } from "./parts.js";
import { ask } from "./stream.js";

let shown = -1;

export function chooseAbout(run) {
  $("about").hidden = run.total === undefined;
  if (shown === run.number) return;
  shown = run.number;
  const details = make("details", {}, make("summary", { textContent: "Show" }));
  const body = make("div", { className: "inside" });
  details.append(body);
  details.addEventListener("toggle", async () => {
    if (!details.open || body.firstChild) return;
    try { fill(body, await ask(`/api/${run.number}/about`)); } catch (error) { body.textContent = error.message; }
  });
  $("about-body").replaceChildren(details);
}

const list = facts => make("dl", {}, ...Object.entries(facts).filter(([, value]) => value).map(([name, value]) =>
  make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: value }))));

function fill(body, about) {
  body.replaceChildren(list(about.facts), list(about.versions), about.settings ? make("pre", { textContent: about.settings, tabIndex: 0, role: "region", "aria-label": "Settings of the run" }) : "");
}
