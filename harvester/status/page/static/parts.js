// Small parts that all sections are made of. Text is always set as text, never as HTML.

export const $ = id => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter(child => child !== null && child !== undefined && child !== ""));
  return made;
}

// Text that has not changed is left alone, so that a selection or a reader's place stays.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Make the children of an element those of the items; elements are kept by their key, so
// that what is open or has the focus stays so.
export function keyed(parent, items, keyOf, create, fill) {
  const before = new Map([...parent.children].map(child => [child.dataset.key, child]));
  let last = null;
  for (const item of items) {
    const key = String(keyOf(item));
    const child = before.get(key) ?? create(item);
    child.dataset.key = key;
    before.delete(key);
    fill(child, item);
    const place = last ? last.nextSibling : parent.firstChild;
    if (place !== child) parent.insertBefore(child, place);
    last = child;
  }
  for (const gone of before.values()) gone.remove();
}

export const number = value => value.toLocaleString("en");
export const words = text => String(text).replaceAll("_", " ");
export const counted = (count, noun, plural = `${noun}s`) => `${number(count)} ${count === 1 ? noun : plural}`;

export function percent(part, whole) {
  if (!whole) return "0%";
  const share = 100 * part / whole;
  // Rounded down: 100% is said only when all is done.
  return share < 10 || share > 99 ? `${(Math.floor(share * 10) / 10).toFixed(share === 100 ? 0 : 1)}%` : `${Math.floor(share)}%`;
}

export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  if (hours < 1) return `${minutes} min`;
  if (days < 1) return `${hours} h ${minutes % 60} min`;
  return `${counted(days, "day")} ${hours % 24} h`;
}

export function bytes(size) {
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (size < 1000) return `${size < 10 && unit !== "B" ? size.toFixed(1) : Math.round(size)} ${unit}`;
    size /= 1000;
  }
  return `${size.toFixed(1)} TB`;
}

// A moment in the reader's own time; the day is said when it is not today.
export function moment(seconds) {
  const at = new Date(seconds * 1000), clock = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (at.toDateString() === new Date().toDateString()) return clock;
  return `${at.toLocaleDateString([], { weekday: "short", day: "numeric", month: "short" })}, ${clock}`;
}

// The parts of a bar: the states in this order, what is open last.
export const STATES = [
  ["done", "done"], ["no_coverage", "no coverage"], ["failed", "failed"], ["located", "found, to be fetched"], ["pending", "to be looked up"],
];

export function fillBar(bar, counts) {
  keyed(bar, STATES.filter(([state]) => counts[state]), ([state]) => state,
    ([state]) => make("i", { className: state }),
    (part, [state]) => { part.style.flex = `${counts[state]} 0 0`; });
}

export const stateWords = counts => STATES.filter(([state]) => counts[state]).map(([state, name]) => `${number(counts[state])} ${name}`).join(", ");

// A command that one copies into a terminal.
export function commandLine(label) {
  const code = make("code"), button = make("button", { type: "button", textContent: "Copy" });
  button.setAttribute("aria-label", `Copy the command: ${label}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      // Only pages of this machine or with encryption may write to the clipboard.
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  return make("div", { className: "command" }, code, button);
}
