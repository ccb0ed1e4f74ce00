// What was said here and has not arrived yet.

import { Backoff } from "./backoff.js";
import { clock, now } from "./clock.js";

/**
 * Posts texts one after the other, and each again until the server has it: with the same `Idempotency-Key`, so that a text
 * whose answer got lost is not said twice. A WebSocket could send them too, but has no acknowledgement.
 */
export class Outbox {
  #waiting = [];
  #isPosting = false;
  #mine = new Set();
  #backoff = new Backoff();
  #tell;

  /**
   * `tell.waiting` hears how many texts wait and why; `tell.refused` which one the server will never take, and why;
   * `tell.ready` says whether the server is there and knows who speaks.
   */
  constructor(tell) {
    this.#tell = tell;
    addEventListener("online", () => this.#backoff.wake());
  }

  /** Whether this message was said here. */
  has(id) {
    return this.#mine.has(id);
  }

  /** Says a text as soon as it can be said. */
  say(text) {
    this.#waiting.push({ text, key: randomKey() });
    this.#post();
  }

  async #post() {
    if (this.#isPosting) return;
    this.#isPosting = true;
    while (this.#waiting.length > 0) {
      const first = this.#waiting[0];
      const sent = now();
      const answer = await fetch("/talkplace/messages", {
        method: "POST",
        headers: { "Content-Type": "text/plain", "Idempotency-Key": first.key },
        body: first.text,
      }).catch(() => null);
      if (answer?.status === 201) {
        const { id } = await answer.json();
        this.#mine.add(id);
        clock.posted(id, sent, now());
      } else if (answer === null || [401, 408, 429, 503].includes(answer.status)) {
        this.#tell.waiting(this.#waiting.length, await reason(answer));
        // After a trouble it may be another server: nothing is said there in the name of a guest who is none.
        do await this.#backoff.wait();
        while (!(await this.#tell.ready()));
        continue;
      } else {
        this.#tell.refused(first.text, await reason(answer));
      }
      this.#waiting.shift();
      this.#backoff.reset();
      this.#tell.waiting(this.#waiting.length, "");
    }
    this.#isPosting = false;
  }
}

async function reason(answer) {
  if (answer === null) return "the server does not answer";
  const problem = await answer.json().catch(() => ({}));
  return problem.detail ?? `the server answered ${answer.status}`;
}

// `crypto.randomUUID` is there on secure pages only.
function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
