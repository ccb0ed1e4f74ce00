// Server-sent events: one question, and an answer that never ends.

/**
 * Listens to what follows `after` through an `EventSource`. Its own way of coming back is not used, so that all four ways
 * come back alike: with the cursor, and after a wait that is spread out.
 */
export function events({ after, extra = {} }, tell) {
  const source = new EventSource(`/talkplace/events?${new URLSearchParams({ after, ...extra })}`);
  let opened = false;
  tell.asked?.();

  source.onopen = () => {
    opened = true;
    tell.opened?.();
  };
  source.onmessage = ({ data, lastEventId }) => {
    const bytes = new TextEncoder().encode(`id: ${lastEventId}\ndata: ${data}\n\n`).length;
    tell.heard(JSON.parse(data), bytes);
  };
  // An EventSource shows neither the status nor the body of a refusal; the server tells the two that matter as an event.
  source.addEventListener("refused", ({ data }) => {
    source.close();
    const problem = JSON.parse(data);
    tell.ended({ why: `${problem.status} ${problem.title}`, gone: problem.status === 410 ? problem : null });
  });
  source.onerror = () => {
    source.close();
    tell.ended({ why: opened ? "the stream ended" : "the stream did not open", gone: null });
  };
  return {
    change() {},
    stop() {
      source.close();
    },
  };
}
