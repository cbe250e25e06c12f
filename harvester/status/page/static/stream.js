// The stream of the server's news, and requests one after the other. Both rest while the
// page is hidden: a page that was left open on a phone costs nothing.

let source = null, told = null, state = null, retryAt = 0;
const RETRY_MS = 3000;

export function follow(onNews, onState) {
  told = onNews;
  state = onState;
  document.addEventListener("visibilitychange", () => document.hidden ? rest() : connect());
  if (!document.hidden) connect();
}

function connect() {
  clearTimeout(retryAt);
  source?.close();
  source = new EventSource("/events");
  source.onmessage = event => { state("live"); told(JSON.parse(event.data)); };
  // The browser tries again by itself, except after an answer that is no stream.
  source.onerror = () => {
    state("lost");
    if (source?.readyState === EventSource.CLOSED) retryAt = setTimeout(connect, RETRY_MS);
  };
}

function rest() {
  clearTimeout(retryAt);
  source?.close();
  source = null;
  state("resting");
}

// ---- requests: at most one is under way

let queue = Promise.resolve();
const waiting = new Map();

// Ask for an address; if the same one is waiting already, share its answer.
export function ask(path) {
  if (waiting.has(path)) return waiting.get(path);
  const answer = queue.then(async () => {
    waiting.delete(path);
    const reply = await fetch(path);
    const body = await reply.json().catch(() => null);
    if (!reply.ok || body === null) throw new Error(body?.error ?? `The page got the answer ${reply.status}.`);
    return body;
  });
  waiting.set(path, answer);
  queue = answer.catch(() => {});
  return answer;
}

// Send a command with the token of the page; it waits its turn like a request.
export function command(path, token, message) {
  const answer = queue.then(async () => {
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
    const reply = await fetch(path, { method: "POST", headers, body: JSON.stringify(message) });
    const body = await reply.json().catch(() => null);
    if (!reply.ok || body === null) throw new Error(body?.error ?? `The page got the answer ${reply.status}.`);
    return body;
  });
  queue = answer.catch(() => {});
  return answer;
}

// Call now and then while the page can be seen, never before the call before has ended.
export function repeatedly(work, everyMs) {
  let timer = 0, busy = false;
  async function turn() {
    clearTimeout(timer);
    if (busy || document.hidden) return;
    busy = true;
    try { await work(); } catch { /* the stream tells that the server is away */ }
    busy = false;
    timer = setTimeout(turn, everyMs);
  }
  document.addEventListener("visibilitychange", turn);
  turn();
  return turn;
}
