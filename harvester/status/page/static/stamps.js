// The stamps that landed last.

import { $, keyed, make, moment, percent, setText } from "./parts.js";
import { ask, repeatedly } from "./stream.js";

const EVERY_MS = 5_000;
let run = null, again = () => {};

export function prepareStamps() { again = repeatedly(load, EVERY_MS); }

export function chooseStamps(chosen) {
  const isNew = run?.number !== chosen.number;
  run = chosen;
  if (isNew) { $("stamps").hidden = true; again(); }
}

let seen = -1;
async function load() {
  // Nothing has landed since, so there is nothing new to see.
  if (!run?.stamps || seen === `${run.number} ${run.stamps}`) return;
  const asked = run, latest = await ask(`/api/${asked.number}/stamps`);
  if (asked.number !== run.number) return;
  seen = `${asked.number} ${asked.stamps}`;
  $("stamps").hidden = !latest.length;
  keyed($("shots"), latest, one => `${asked.number} ${one.survey} ${one.target} ${one.band} ${one.product} ${one.at}`, one => newShot(asked, one), () => {});
}

function newShot(asked, one) {
  const query = new URLSearchParams({ survey: one.survey, target: one.target, band: one.band, product: one.product });
  const image = make("img", { src: `/api/${asked.number}/stamp?${query}`, alt: `${one.id} in ${one.name}`, width: 128, height: 128, loading: "lazy", decoding: "async" });
  const part = one.coverage < 1 ? `, ${percent(one.coverage, 1)} covered` : "";
  const words = make("small", { className: "quiet" });
  setText(words, `${one.name}, ${moment(one.at)}${part}`);
  return make("li", {}, image, make("small", { textContent: one.id }), words);
}
