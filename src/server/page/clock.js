// Which time it is on the server.

/** This computer's time in milliseconds since 1970, finer than `Date.now` as long as the two agree. */
export function now() {
  const fine = performance.timeOrigin + performance.now();
  const coarse = Date.now();
  // They part when the computer sleeps, or when its clock is set.
  return Math.abs(fine - coarse) < 2 ? fine : coarse;
}

/**
 * How far the server's clock is from this one. A message that was posted from here was taken in between the moment when
 * the request left and the moment when its answer came; each one narrows the difference down.
 */
class Clock {
  #least = -Infinity;
  #most = Infinity;
  #waiting = new Map();

  /** Milliseconds that the server's clock is ahead of this one. Zero as long as zero is possible. */
  get ahead() {
    if (this.#least <= 0 && this.#most >= 0) return 0;
    return (this.#least + this.#most) / 2;
  }

  /** The server's time as this computer would show it, in milliseconds, of a message's `at`. */
  local(at) {
    return at / 1000 - this.ahead;
  }

  /** A message of ours was taken in between these two moments. */
  posted(id, sent, answered) {
    this.#pair(id, { sent, answered });
  }

  /** A message was heard that the server had dated `at`. */
  heard(id, at) {
    this.#pair(id, { at });
  }

  // The two halves come in either order.
  #pair(id, half) {
    const both = { ...this.#waiting.get(id), ...half };
    this.#waiting.delete(id);
    if (both.at !== undefined && both.sent !== undefined) return this.#narrow(both);
    this.#waiting.set(id, both);
    if (this.#waiting.size > 100) this.#waiting.delete(this.#waiting.keys().next().value);
  }

  #narrow({ sent, answered, at }) {
    const [least, most] = [at / 1000 - answered, at / 1000 - sent];
    if (least > this.#most || most < this.#least) {
      // One of the clocks was set: what was known is no longer true.
      [this.#least, this.#most] = [least, most];
    }
    this.#least = Math.max(this.#least, least);
    this.#most = Math.min(this.#most, most);
  }
}

/** The one clock of this page. */
export const clock = new Clock();
