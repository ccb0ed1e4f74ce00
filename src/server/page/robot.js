// Somebody to talk when there is nobody else.

import { clock, now } from "./clock.js";

const SAYS = [
  "Is anybody there?",
  "今天天气不错",
  "I ask, therefore I poll.",
  "Hold me until there is news.",
  "🤖 beep",
  "¿Alguna novedad?",
  "204, 204, 204 …",
  "مرحبا بالجميع",
  "One request, many answers.",
  "Кто здесь?",
];

/** A button that lets a robot say something at a steady rate, as whoever is signed in here. */
export class Robot {
  #button;
  #rate = 1;
  #timer = null;
  #count = 0;
  #isPosting = false;

  constructor(button) {
    this.#button = button;
    button.addEventListener("click", () => (this.#timer === null ? this.#start() : this.#stop()));
  }

  /** Messages a second, at once. */
  set rate(rate) {
    this.#rate = rate;
    if (this.#timer === null) return;
    this.#stop();
    this.#start();
  }

  #start() {
    this.#timer = setInterval(() => this.#say(), 1000 / this.#rate);
    this.#button.setAttribute("aria-pressed", "true");
    this.#button.textContent = "Silence the robot";
    this.#say();
  }

  #stop() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#button.setAttribute("aria-pressed", "false");
    this.#button.textContent = "Let the robot talk";
  }

  // One at a time: this page has six connections, and what the others wait for must not wait for the robot.
  async #say() {
    if (this.#isPosting) return;
    this.#isPosting = true;
    const text = `${SAYS[this.#count % SAYS.length]} (${(this.#count += 1)})`;
    const sent = now();
    const answer = await fetch("/talkplace/messages", { method: "POST", headers: { "Content-Type": "text/plain" }, body: text }).catch(() => null);
    if (answer?.status === 201) {
      const { id } = await answer.json();
      clock.posted(id, sent, now());
    } else if (answer) await answer.body?.cancel();
    this.#isPosting = false;
  }
}
