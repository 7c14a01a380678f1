/**
 * One WebSocket per page for all live topics. It reconnects with growing pauses; `onState` tells listeners whether the
 * socket is up, so that they can poll while it is not.
 */
type Listener = (payload: unknown) => void;
type StateListener = (isUp: boolean) => void;

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

const listeners = new Map<string, Set<Listener>>();
const stateListeners = new Set<StateListener>();
let socket: WebSocket | undefined;
let retryMs = FIRST_RETRY_MS;
let retryTimer: number | undefined;

function isUp(): boolean {
  return socket?.readyState === WebSocket.OPEN;
}

function announce(): void {
  for (const listener of stateListeners) listener(isUp());
}

function ask(topic: string): void {
  if (isUp()) socket?.send(JSON.stringify({ subscribe: topic }));
}

function receive(event: MessageEvent<string>): void {
  const message = JSON.parse(event.data) as { subject?: string; payload?: unknown };
  if (!message.subject) return;
  for (const listener of listeners.get(message.subject) ?? []) listener(message.payload);
}

function connect(): void {
  window.clearTimeout(retryTimer);
  if (socket || listeners.size === 0) return;
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const opened = new WebSocket(`${scheme}://${location.host}/ws/live/`);
  socket = opened;
  opened.addEventListener("open", () => {
    retryMs = FIRST_RETRY_MS;
    for (const topic of listeners.keys()) ask(topic);
    announce();
  });
  opened.addEventListener("message", receive);
  opened.addEventListener("close", () => {
    if (socket === opened) socket = undefined;
    announce();
    retryTimer = window.setTimeout(connect, retryMs);
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
  });
}

/** Call `listener` for each message on `topic` until the returned function is called. */
export function subscribe(topic: string, listener: Listener): () => void {
  const known = listeners.get(topic);
  if (known) {
    known.add(listener);
  } else {
    listeners.set(topic, new Set([listener]));
    ask(topic);
  }
  connect();
  return () => {
    const current = listeners.get(topic);
    current?.delete(listener);
    if (current?.size === 0) listeners.delete(topic);
  };
}

/** Call `listener` now and whenever the socket comes up or goes down, until the returned function is called. */
export function onState(listener: StateListener): () => void {
  stateListeners.add(listener);
  listener(isUp());
  return () => stateListeners.delete(listener);
}

// A page kept in the back-forward cache must not hold a socket, or the browser drops it from the cache.
window.addEventListener("pagehide", () => socket?.close());
