// Short polling: "anything new?", again and again.

import { ask, ending } from "./ask.js";

/**
 * Asks for what follows `after`, once every `interval` milliseconds. A question waits until the one before it was answered:
 * a timer that does not would hear messages twice as soon as the answers are slow.
 */
export function shortPoll({ after, interval = 2000, extra = {} }, tell) {
  const ended = new AbortController();
  let next = after;
  let askedAt = 0;
  let timer = null;

  async function look() {
    timer = null;
    askedAt = performance.now();
    tell.asked?.();
    try {
      const batch = await ask("/talkplace/poll", { after: next, ...extra }, ended.signal);
      if (ended.signal.aborted) return;
      next = batch.next;
      tell.opened?.();
      tell.answered?.(batch.messages.length);
      batch.messages.forEach((message) => tell.heard(message));
      plan();
    } catch (error) {
      if (!ended.signal.aborted) tell.ended(ending(error));
    }
  }

  function plan() {
    timer = setTimeout(look, Math.max(0, askedAt + interval - performance.now()));
  }

  look();
  return {
    /** Takes another interval, at once. */
    change(settings) {
      interval = settings.interval;
      if (timer === null) return;
      clearTimeout(timer);
      plan();
    },
    stop() {
      clearTimeout(timer);
      ended.abort();
    },
  };
}
