// Long polling: "tell me when there is something new", and then the next question.

import { ask, ending } from "./ask.js";

/**
 * Asks for what follows `after` and lets the server hold the question for `timeout` milliseconds until there is an answer.
 * The first question is not held: its answer shows that the server is there.
 */
export function longPoll({ after, timeout = 25_000, extra = {} }, tell) {
  let stopped = false;
  let held = new AbortController();

  async function listen() {
    let next = after;
    let hold = 0;
    while (!stopped) {
      held = new AbortController();
      tell.asked?.(hold);
      try {
        const batch = await ask("/talkplace/long-poll", { after: next, timeout: `${hold}ms`, ...extra }, held.signal);
        if (stopped) return;
        next = batch.next;
        tell.opened?.();
        tell.answered?.(batch.messages.length);
        batch.messages.forEach((message) => tell.heard(message));
      } catch (error) {
        if (stopped) return;
        // Given up because the timeout was changed: asked again with the new one.
        if (!held.signal.aborted) return tell.ended(ending(error));
        tell.answered?.(0, "given up");
      }
      hold = timeout;
    }
  }

  listen();
  return {
    /** Takes another timeout, at once: the question that is held is asked anew. */
    change(settings) {
      timeout = settings.timeout;
      held.abort();
    },
    stop() {
      stopped = true;
      held.abort();
    },
  };
}
