// One listener of the comparison: what it hears, what that costs, and a picture of it.

import { Backoff } from "./backoff.js";
import { clock, now } from "./clock.js";
import { before } from "./cursor.js";
import { element, shape } from "./element.js";
import { Sequence } from "./sequence.js";
import { Tally } from "./tally.js";
import { watchTiming } from "./timing.js";

/** Messages that a pane shows. */
const SHOWN = 30;

/** What is counted, with its name. */
const COUNTERS = [
  ["requests", "requests"],
  ["empty", "empty answers"],
  ["bytes", "bytes heard"],
  ["connections", "new connections"],
  ["last", "last delay"],
  ["median", "median delay"],
];

/** A pane that listens by one transport. It runs while it is in sight and nobody has paused it. */
export class Pane {
  /** The pane itself, to be put on the page. */
  section;
  #way;
  #settings;
  #cursor = null;
  #listener = null;
  #backoff = new Backoff();
  #tally = new Tally();
  #sequence;
  #answered = null;
  #shown = {};
  #list = element("ol", { class: "heard", tabindex: "0" });
  #note = element("p", { class: "note small", hidden: true });
  #pause = element("button", { type: "button", class: "quiet", "aria-pressed": "false" }, "Pause");
  #mayRun = false;
  #runsSince = Infinity;
  #isPaused = false;

  /** `way` is one of `WAYS`. */
  constructor(way, settings) {
    this.#way = way;
    this.#settings = settings;
    const title = `pane-${way.transport}`;
    const svg = shape("svg", { class: "sequence", role: "img", "aria-label": `${way.title}: a running sequence diagram` });
    const counters = COUNTERS.map(([key, name]) => {
      this.#shown[key] = element("dd", { "data-counter": key }, "–");
      return element("div", {}, element("dt", {}, name), this.#shown[key]);
    });
    this.#shown.ledger = element("p", { class: "small", "data-counter": "ledger" });
    this.#list.setAttribute("aria-label", `Heard by ${way.title}`);
    this.section = element(
      "section",
      { class: `pane ${way.transport}`, "aria-labelledby": title, "data-transport": way.transport },
      element("header", {}, element("h3", { id: title }, way.title), this.#pause),
      svg,
      element("dl", { class: "counters" }, ...counters),
      this.#note,
      this.#list,
      this.#shown.ledger,
    );
    this.#sequence = new Sequence(svg);
    this.#pause.addEventListener("click", () => this.#togglePause());
    watchTiming(way.transport, (bytes, isNew) => {
      if (!way.countsItself) this.#tally.bytes += bytes;
      if (!way.countsItself && isNew) this.#tally.connections += 1;
      this.#show();
    });
  }

  /** From where it is to listen. */
  startFrom(cursor) {
    this.#cursor = cursor;
    this.#tally.goOn(cursor);
    this.#runOrRest();
  }

  /** Takes another interval or timeout, at once. */
  change(settings) {
    this.#settings = settings;
    this.#listener?.change(settings);
  }

  /** Whether it may run: out of sight it rests, and goes on later where it was. */
  set mayRun(mayRun) {
    this.#mayRun = mayRun;
    this.#runOrRest();
  }

  #togglePause() {
    this.#isPaused = !this.#isPaused;
    this.#pause.setAttribute("aria-pressed", this.#isPaused);
    this.#pause.textContent = this.#isPaused ? "Go on" : "Pause";
    this.#runOrRest();
  }

  #runOrRest() {
    const isMissing = !(this.#way.needs in window);
    if (isMissing) this.#tell(`this browser has no ${this.#way.needs}`);
    const runs = this.#mayRun && !this.#isPaused && this.#cursor !== null && !isMissing;
    this.section.dataset.runs = runs;
    if (runs) {
      this.#runsSince = Math.min(this.#runsSince, now());
      this.#sequence.run();
      if (!this.#listener) this.#listen();
    } else {
      this.#runsSince = Infinity;
      this.#listener?.stop();
      this.#listener = null;
      this.#end("given up");
      this.#sequence.rest();
    }
  }

  #listen() {
    let isCurrent = true;
    const options = { after: this.#cursor, extra: { pane: this.#way.transport }, ...this.#settings };
    const listener = this.#way.listen(options, {
      asked: (hold) => this.#asked(hold),
      answered: (messages, kind = messages > 0 ? "full" : "empty") => this.#wasAnswered(kind),
      opened: () => this.#isFine(),
      heard: (message, bytes) => isCurrent && this.#heard(message, bytes),
      ended: (ending) => isCurrent && this.#ended(ending),
    });
    this.#listener = {
      change: (settings) => listener.change(settings),
      stop: () => {
        isCurrent = false;
        listener.stop();
      },
    };
  }

  #asked(hold) {
    this.#tally.requests += 1;
    // A stream has its connection to itself.
    if (this.#way.countsItself) this.#tally.connections += 1;
    this.#answered = this.#way.countsItself ? this.#sequence.open() : this.#sequence.ask(hold);
    this.#show();
  }

  #wasAnswered(kind) {
    this.#end(kind);
    if (kind === "empty") this.#tally.empty += 1;
    this.#show();
  }

  #end(kind) {
    this.#answered?.(kind);
    this.#answered = null;
  }

  #isFine() {
    this.#backoff.reset();
    this.#note.hidden = true;
  }

  #heard(message, bytes = 0) {
    const said = clock.local(message.at);
    const heard = now();
    this.#cursor = message.id;
    this.#tally.bytes += bytes;
    // What was said while the pane rested is late for no fault of the transport.
    if (said < this.#runsSince) {
      this.#tally.hear(message.id, null);
    } else {
      this.#tally.hear(message.id, Math.max(0, heard - said));
      this.#sequence.message(said, heard);
    }
    const line = element("li", { "data-id": message.id }, element("b", { dir: "auto" }, message.from.name), " ", element("span", { dir: "auto" }, message.text));
    this.#list.prepend(line);
    if (this.#list.childElementCount > SHOWN) this.#list.lastElementChild.remove();
    this.#show();
  }

  async #ended({ why, gone }) {
    this.#listener = null;
    this.#end("failed");
    if (gone) {
      this.#cursor = before(gone.oldest, 1);
      this.#tally.goOn(this.#cursor);
    }
    this.#tell(`${why}; trying again`);
    await this.#backoff.wait();
    this.#runOrRest();
  }

  #tell(sentence) {
    this.#note.textContent = sentence;
    this.#note.hidden = false;
  }

  #show() {
    const tally = this.#tally;
    for (const key of ["requests", "empty", "connections"]) this.#shown[key].textContent = tally[key].toLocaleString();
    this.#shown.bytes.textContent = tally.bytes.toLocaleString();
    this.#shown.last.textContent = milliseconds(tally.last);
    this.#shown.median.textContent = milliseconds(tally.median);
    this.#shown.ledger.textContent = `${tally.heard.toLocaleString()} messages, ${tally.ledger}`;
  }
}

function milliseconds(delay) {
  if (delay === null) return "–";
  if (delay < 10) return `${delay.toFixed(1)} ms`;
  return delay < 10_000 ? `${Math.round(delay)} ms` : `${(delay / 1000).toFixed(1)} s`;
}
