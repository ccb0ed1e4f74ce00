// How long to wait before trying again.

const FIRST = 500;
const LONGEST = 15_000;

/**
 * Waits that double and are spread out: when a server restarts, everybody notices in the same moment, and without the
 * spread everybody would come back in the same moment, too.
 */
export class Backoff {
  #longest = FIRST;
  #wake = () => {};

  /** The next wait in milliseconds: anything from half of the current longest to all of it. */
  next() {
    const wait = this.#longest * (0.5 + Math.random() / 2);
    this.#longest = Math.min(this.#longest * 2, LONGEST);
    return wait;
  }

  /** Waits; `wake` ends the wait early. */
  wait(milliseconds = this.next()) {
    return new Promise((done) => {
      const timer = setTimeout(done, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }

  /** Ends a wait that is under way. */
  wake() {
    this.#wake();
  }

  /** Something worked: the next wait is a short one again. */
  reset() {
    this.#longest = FIRST;
  }
}
