// What one listener has cost and brought.

import { feedOf, seqOf } from "./cursor.js";

/** Delays that the median is of: the latest so many. */
const DELAYS = 200;

/** Counters of one pane, and a ledger: each message once, and in order. */
export class Tally {
  requests = 0;
  empty = 0;
  givenUp = 0;
  bytes = 0;
  connections = 0;
  heard = 0;
  gaps = 0;
  repeated = 0;
  last = null;
  #delays = [];
  #cursor = null;

  /** Takes in a message, heard after so many milliseconds; `null` leaves it out of the delays. */
  hear(id, delay) {
    if (this.#cursor !== null && feedOf(id) === feedOf(this.#cursor)) {
      const step = seqOf(id) - seqOf(this.#cursor);
      if (step <= 0) this.repeated += 1;
      if (step > 1) this.gaps += step - 1;
    }
    this.#cursor = id;
    this.heard += 1;
    if (delay === null) return;
    this.last = delay;
    this.#delays.push(delay);
    if (this.#delays.length > DELAYS) this.#delays.shift();
  }

  /** The listener begins anew after this cursor, and that is no gap. */
  goOn(cursor) {
    this.#cursor = cursor;
  }

  /** Half of the latest delays were shorter; none as long as there is none. */
  get median() {
    if (this.#delays.length === 0) return null;
    const sorted = this.#delays.toSorted((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  /** The ledger in words. */
  get ledger() {
    if (this.gaps + this.repeated === 0) return "each once, in order";
    return `${this.gaps} missing, ${this.repeated} repeated`;
  }
}
