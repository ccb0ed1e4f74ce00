// The room's one way to listen: the best transport that works, and the next one below it when that does not.

import { Backoff } from "./backoff.js";
import { before, feedOf, seqOf } from "./cursor.js";
import { events } from "./transport/events.js";
import { longPoll } from "./transport/long-poll.js";
import { shortPoll } from "./transport/short-poll.js";
import { webSocket } from "./transport/websocket.js";

/** The rungs, best first. `needs` is what the browser must have for it. */
export const RUNGS = [
  { transport: "websocket", title: "WebSocket", needs: "WebSocket", listen: webSocket },
  { transport: "events", title: "Server-sent events", needs: "EventSource", listen: events },
  { transport: "long-poll", title: "Long polling", needs: "fetch", listen: longPoll },
  { transport: "poll", title: "Short polling", needs: "fetch", listen: shortPoll },
];

/** A transport that did not open after so many milliseconds does not work. */
const OPENS_WITHIN = 6_000;
/** How often a better transport is looked for: twice as long after each time in vain, up to the second. */
const CLIMBS_AFTER = 10_000;
const CLIMBS_AT_LEAST_EVERY = 160_000;
/** A transport that lasted so long did work: what comes after it is a new trouble. */
const LASTED = 3_000;

/**
 * Listens from `cursor` on, whatever happens: `tell.heard` gets each message once and in order. `tell.rung` hears what
 * became of each rung, in words; `tell.state` what the whole is doing; `tell.gap` that the server no longer had all that followed.
 * `tell.reachable` says whether the server answers at all.
 */
export class Ladder {
  #cursor;
  #pretend;
  #tell;
  #backoff = new Backoff();
  #look = () => {};

  constructor(cursor, pretend, tell) {
    this.#cursor = cursor;
    this.#pretend = pretend;
    this.#tell = tell;
    addEventListener("online", () => this.#backoff.wake());
    this.#run();
  }

  /** What was heard so far, as a cursor. */
  get cursor() {
    return this.#cursor;
  }

  /** Something has changed: looks again from the top, now. */
  look() {
    this.#backoff.wake();
    this.#look();
  }

  async #run() {
    for (;;) {
      // With the server gone every rung would fail, and none of them would be to blame.
      if (await this.#tell.reachable()) {
        const since = performance.now();
        const ended = await this.#listen();
        if (ended) this.#tell.state("lost", ended.why);
        if (performance.now() - since > LASTED) this.#backoff.reset();
      } else {
        this.#tell.state("offline", navigator.onLine ? "the server does not answer" : "this computer is offline");
      }
      await this.#backoff.wait();
    }
  }

  /** Listens by what works best, changing to what works better, until it ends. */
  async #listen() {
    let inUse = await this.#climb(RUNGS);
    if (!inUse) return { why: "the server answers, but no way to listen works" };
    let wait = CLIMBS_AFTER;
    for (;;) {
      this.#use(inUse);
      const ended = await Promise.race([inUse.ended, this.#timeToLook(inUse, wait)]);
      if (ended) {
        this.#tell.rung(inUse.rung, "failed", ended.why);
        // One that opened and ended at once does not work either: whoever began at the top again would come back to it for ever.
        const next = performance.now() - inUse.openedAt < LASTED ? await this.#climb(below(inUse.rung)) : null;
        if (!next) return ended;
        inUse = next;
        continue;
      }
      wait = Math.min(wait * 2, CLIMBS_AT_LEAST_EVERY);
      const isMissing = this.#missing(inUse.rung);
      if (isMissing) inUse.stop();
      const better = await this.#climb(isMissing ? RUNGS : above(inUse.rung));
      if (better) {
        // The better one started from the cursor, too: what both of them bring is heard once.
        inUse.stop();
        inUse = better;
      } else if (isMissing) {
        return { why: isMissing };
      }
    }
  }

  /** Completes without a value when it is time to look for something better. */
  #timeToLook(inUse, wait) {
    return new Promise((done) => {
      const timer = inUse.rung === RUNGS[0] ? null : setTimeout(done, wait);
      this.#look = () => {
        clearTimeout(timer);
        done();
      };
      inUse.ended.then(() => clearTimeout(timer));
    });
  }

  /** The first of these rungs that opens; none when none does. */
  async #climb(rungs) {
    for (const rung of rungs) {
      const missing = this.#missing(rung);
      if (missing) {
        this.#tell.rung(rung, "missing", missing);
        continue;
      }
      this.#tell.rung(rung, "trying", "trying …");
      const attempt = this.#attempt(rung);
      const why = await attempt.opened;
      attempt.openedAt = performance.now();
      if (why === null) return attempt;
      this.#tell.rung(rung, "failed", why);
    }
    return null;
  }

  #use(inUse) {
    for (const rung of below(inUse.rung)) this.#tell.rung(rung, "idle", "not needed");
    this.#tell.rung(inUse.rung, "in-use", "in use");
    this.#tell.state("listening", inUse.rung.title);
  }

  #missing(rung) {
    if (this.#pretend.isWithout(rung.transport)) return "missing here (pretended)";
    return rung.needs in window ? null : `this browser has no ${rung.needs}`;
  }

  /** Starts a transport. `opened` completes with null, or with why it did not open; `ended` completes when it ends. */
  #attempt(rung) {
    let listener;
    const stop = () => listener?.stop();
    let nowEnded;
    const ended = new Promise((done) => (nowEnded = done));
    const opened = new Promise((done) => {
      const timer = setTimeout(() => {
        stop();
        done(`nothing came within ${OPENS_WITHIN / 1000} s`);
      }, OPENS_WITHIN);
      listener = rung.listen({ after: this.#cursor }, {
        opened: () => {
          clearTimeout(timer);
          done(null);
        },
        heard: (message) => this.#heard(message),
        ended: (ending) => {
          clearTimeout(timer);
          if (ending.gone) this.#gone(ending.gone);
          done(ending.why);
          nowEnded(ending);
        },
      });
    });
    return { rung, opened, ended, stop };
  }

  #heard(message) {
    const isNews = feedOf(message.id) !== feedOf(this.#cursor) || seqOf(message.id) > seqOf(this.#cursor);
    if (!isNews) return;
    this.#cursor = message.id;
    this.#tell.heard(message);
  }

  /** Goes on with the oldest message that the server still has. */
  #gone({ oldest }) {
    const isAnotherFeed = feedOf(oldest) !== feedOf(this.#cursor);
    this.#cursor = before(oldest, 1);
    this.#tell.gap(isAnotherFeed);
  }
}

function above(rung) {
  return RUNGS.slice(0, RUNGS.indexOf(rung));
}

function below(rung) {
  return RUNGS.slice(RUNGS.indexOf(rung) + 1);
}
