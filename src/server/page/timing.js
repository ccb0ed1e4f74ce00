// What the browser itself tells of a request: the Resource Timing API.

const listeners = new Map();

/** Calls `tell(bytes, isNewConnection)` for every request that was sent with `?pane=NAME` once it is over. */
export function watchTiming(name, tell) {
  listeners.set(name, tell);
}

const observer = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const tell = listeners.get(new URL(entry.name).searchParams.get("pane"));
    // On a connection that was open already there is nothing to connect: both moments are that of the request.
    tell?.(entry.transferSize ?? 0, entry.connectEnd > entry.connectStart);
  }
  // The browser keeps 250 of them for whoever asks later. Nobody does.
  performance.clearResourceTimings();
});
observer.observe({ type: "resource", buffered: true });
