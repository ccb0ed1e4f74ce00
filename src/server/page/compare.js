// The comparison: four listeners on one page, and the knobs that they share.

import { clock } from "./clock.js";
import { Pane } from "./pane.js";
import { Robot } from "./robot.js";
import { events } from "./transport/events.js";
import { longPoll } from "./transport/long-poll.js";
import { shortPoll } from "./transport/short-poll.js";
import { webSocket } from "./transport/websocket.js";

/** The four ways. Of a stream the page counts the bytes itself: the browser tells them only when it is over. */
const WAYS = [
  { transport: "poll", title: "Short polling", needs: "fetch", listen: shortPoll, countsItself: false },
  { transport: "long-poll", title: "Long polling", needs: "fetch", listen: longPoll, countsItself: false },
  { transport: "events", title: "Server-sent events", needs: "EventSource", listen: events, countsItself: true },
  { transport: "websocket", title: "WebSocket", needs: "WebSocket", listen: webSocket, countsItself: true },
];

/** What the sliders' places stand for: each step is about twice the one before. */
const INTERVALS = [200, 500, 1000, 2000, 5000, 10_000, 30_000];
const TIMEOUTS = [1000, 2000, 5000, 10_000, 25_000, 60_000, 120_000];
const RATES = [0.1, 0.2, 0.5, 1, 2, 5, 10];

/** One page of a browser runs the four: two would need more connections than a browser gives them. */
const LOCK = "talkplace-compare";

/** The section with the four panes. */
export class Compare {
  #section = document.querySelector("#compare");
  #elsewhere = document.querySelector("#elsewhere");
  #panes;
  #settings = {};
  #isSeen = false;
  #isOurs = false;

  /** The robot speaks through `say`. */
  constructor() {
    this.#knob("interval", INTERVALS, seconds, (interval) => this.#change({ interval }));
    this.#knob("timeout", TIMEOUTS, seconds, (timeout) => this.#change({ timeout }));
    this.#panes = WAYS.map((way) => new Pane(way, this.#settings));
    document.querySelector("#panes").replaceChildren(...this.#panes.map((pane) => pane.section));
    const robot = new Robot(document.querySelector("#robot"));
    this.#knob("rate", RATES, perSecond, (rate) => (robot.rate = rate));

    new IntersectionObserver(([seen]) => {
      this.#isSeen = seen.isIntersecting;
      this.#update();
    }).observe(document.querySelector("#panes"));
    document.addEventListener("visibilitychange", () => this.#update());
    document.querySelector("#take-over").addEventListener("click", () => this.#lock({ steal: true }));
    this.#lock({});
    this.#tellLimits();
    setInterval(() => this.#tellLimits(), 2000);
  }

  /** All four listen from here on. */
  startFrom(cursor) {
    for (const pane of this.#panes) pane.startFrom(cursor);
  }

  #knob(id, steps, words, turned) {
    const slider = document.querySelector(`#${id}`);
    const shown = document.querySelector(`#${id}-shown`);
    const turn = () => {
      const value = steps[slider.valueAsNumber];
      shown.textContent = words(value);
      slider.setAttribute("aria-valuetext", words(value));
      turned(value);
    };
    slider.addEventListener("input", turn);
    turn();
  }

  #change(settings) {
    this.#settings = { ...this.#settings, ...settings };
    this.#panes?.forEach((pane) => pane.change(this.#settings));
  }

  /** Runs here while no other window of this browser does. Pages that are not secure cannot ask for that, and just run. */
  #lock(how) {
    if (!navigator.locks) return this.#own(true);
    this.#elsewhere.hidden = true;
    const hold = () => {
      this.#own(true);
      return new Promise(() => {});
    };
    // Another window has taken over: this one queues behind it.
    const lost = () => {
      this.#own(false);
      this.#lock({});
    };
    if (how.steal) return void navigator.locks.request(LOCK, { steal: true }, hold).catch(lost);
    // First look, then queue: as soon as the other window is closed this one goes on.
    navigator.locks.request(LOCK, { ifAvailable: true }, (lock) => {
      if (lock) return hold();
      this.#elsewhere.hidden = false;
      navigator.locks.request(LOCK, () => {
        this.#elsewhere.hidden = true;
        return hold();
      }).catch(lost);
    }).catch(lost);
  }

  #own(isOurs) {
    this.#isOurs = isOurs;
    this.#update();
  }

  #update() {
    const mayRun = this.#isOurs && this.#isSeen && document.visibilityState === "visible";
    for (const pane of this.#panes) pane.mayRun = mayRun;
    this.#section.dataset.runs = mayRun;
  }

  #tellLimits() {
    const ahead = Math.round(clock.ahead);
    const clocks =
      ahead === 0
        ? "This computer’s clock and the server’s agree, as far as can be told."
        : `The server’s clock is ${Math.abs(ahead)} ms ${ahead > 0 ? "ahead of" : "behind"} this one; that is taken out of the delays.`;
    document.querySelector("#fine-print").textContent =
      "A browser opens six HTTP/1.1 connections to one server, for all its windows together: the held poll and the event stream take one each, and a " +
      "WebSocket has its own. So the four run in one window at a time, and only while they are in sight. Bytes of polls are " +
      "what the browser tells, which puts every head at 300; frames and events are counted by the page, and a stream's head is left out. " +
      clocks;
  }
}

function seconds(milliseconds) {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${milliseconds / 1000} s`;
}

function perSecond(rate) {
  if (rate < 1) return `every ${1 / rate} s`;
  return rate === 1 ? "every second" : `${rate} times a second`;
}
