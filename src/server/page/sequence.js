// A sequence diagram that runs: the server's line above, the listener's below, and time to the right.

import { now } from "./clock.js";
import { shape } from "./element.js";

/** Milliseconds that are in sight. */
const WINDOW = 10_000;
const HEIGHT = 84;
const SERVER = 20;
const CLIENT = 64;
/** A question is drawn so many pixels early: on one machine its answer comes at once, and would hide it. */
const ASIDE = 4;
/** Where time zero of the drawing is moved along, so that coordinates stay small. */
const REBASE = 600_000;

/** One diagram. Whatever has a time is placed once; what moves is the whole sheet. */
export class Sequence {
  #svg;
  #sheet = shape("g");
  #items = new Set();
  #base = now();
  #scale = 0.06;
  #width = 600;
  #tick = 0;
  #isStill = true;

  constructor(svg) {
    this.#svg = svg;
    svg.append(
      shape("line", { class: "lane", x1: 0, x2: "100%", y1: SERVER, y2: SERVER }),
      shape("line", { class: "lane", x1: 0, x2: "100%", y1: CLIENT, y2: CLIENT }),
      this.#sheet,
      shape("text", { class: "lane-name", x: 4, y: SERVER - 8 }, "server"),
      shape("text", { class: "lane-name", x: 4, y: CLIENT + 16 }, "this page"),
    );
    new ResizeObserver(() => this.#resize()).observe(svg);
  }

  /** A question leaves; gives what says that it was answered: `full`, `empty`, `given up` or `failed`. */
  ask(hold) {
    const from = now();
    this.#arrow("ask", from, CLIENT, SERVER, ASIDE);
    const bar = this.#bar(hold > 0 ? "hold" : "wait", from, SERVER - 4, 8);
    return (kind) => {
      bar.to = now();
      this.#place(bar);
      this.#arrow(`answer ${kind.replace(" ", "-")}`, bar.to, SERVER, CLIENT);
    };
  }

  /** A connection that stays opens; gives what says that it has ended. */
  open() {
    const from = now();
    this.#arrow("ask", from, CLIENT, SERVER);
    const band = this.#bar("stream", from, SERVER, CLIENT - SERVER);
    return () => {
      band.to = now();
      this.#place(band);
      this.#arrow("answer failed", band.to, SERVER, CLIENT);
    };
  }

  /** A message that was said at one time and heard at another. */
  message(said, heard) {
    const line = shape("line", { class: "message", y1: SERVER, y2: CLIENT });
    const dot = shape("circle", { class: "message", cy: CLIENT, r: 3.5 });
    this.#add(said, heard, shape("g", {}, line, dot), (x1, x2) => {
      line.setAttribute("x1", x1);
      line.setAttribute("x2", x2);
      dot.setAttribute("cx", x2);
    });
  }

  /** Goes along with time until it is told to stand still. */
  run() {
    if (!this.#isStill) return;
    this.#isStill = false;
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    const step = () => {
      if (this.#isStill) return;
      this.#draw();
      if (calm.matches) setTimeout(step, 1000);
      else requestAnimationFrame(step);
    };
    step();
  }

  /** Stands still. */
  rest() {
    this.#isStill = true;
  }

  #arrow(kind, at, from, to, aside = 0) {
    const down = to > from ? 1 : -1;
    const path = shape("path", { class: kind });
    this.#add(at, at, path, (x) => path.setAttribute("d", `M${x - aside} ${from}V${to}m-3 ${-5 * down}l3 ${5 * down}l3 ${-5 * down}`));
  }

  #bar(kind, from, y, height) {
    const rect = shape("rect", { class: kind, y, height, rx: 2 });
    return this.#add(from, null, rect, (x1, x2) => {
      rect.setAttribute("x", x1);
      rect.setAttribute("width", Math.max(0.5, x2 - x1));
    });
  }

  /** Something from one time to another; without an end it reaches to now. */
  #add(from, to, node, put) {
    const item = { from, to, node, put };
    this.#items.add(item);
    // Bands lie behind whatever happens on them.
    if (to === null) this.#sheet.prepend(node);
    else this.#sheet.append(node);
    this.#place(item);
    return item;
  }

  #place({ from, to, put }) {
    const right = this.#x(to ?? now());
    put(Math.max(this.#x(from), right - this.#width * 1.2), right);
  }

  #x(time) {
    return Math.round((time - this.#base) * this.#scale * 10) / 10;
  }

  #draw() {
    const time = now();
    if (time - this.#base > REBASE) {
      this.#base = time;
      for (const item of this.#items) this.#place(item);
    }
    if (time - this.#tick > 1000) {
      this.#tick = Math.floor(time / 1000) * 1000;
      const line = shape("line", { class: "second", y1: 0, y2: HEIGHT });
      this.#add(this.#tick, this.#tick, line, (x) => {
        line.setAttribute("x1", x);
        line.setAttribute("x2", x);
      });
    }
    for (const item of this.#items) {
      if (item.to === null) this.#place(item);
      else if (item.to < time - WINDOW - 500) this.#remove(item);
    }
    this.#sheet.setAttribute("transform", `translate(${this.#width - 8 - this.#x(time)} 0)`);
  }

  #remove(item) {
    item.node.remove();
    this.#items.delete(item);
  }

  #resize() {
    this.#width = this.#svg.clientWidth || this.#width;
    this.#scale = this.#width / WINDOW;
    for (const item of this.#items) this.#place(item);
    this.#draw();
  }
}
