// What was said, as a list that follows the conversation.

import { avatar } from "./avatar.js";
import { element } from "./element.js";

/** Lines that are shown; older ones can be asked for again. */
const MOST = 1_000;
/** Nearer to the end than so many pixels, the reader follows. */
const NEAR = 80;

/** The list. It stays where the reader is, and goes along only while the reader is at its end. */
export class MessageList {
  #log = document.querySelector("#log");
  #list = document.querySelector("#messages");
  #newer = document.querySelector("#newer");
  #isMine;
  #unseen = 0;
  #day = "";

  /** `isMine` tells whether a message is this visitor's own. */
  constructor(isMine) {
    this.#isMine = isMine;
    this.#newer.addEventListener("click", () => this.#follow());
    this.#log.addEventListener("scroll", () => this.#isNear() && this.#seen());
    // When the list becomes smaller (a keyboard opens, a line is added below it) its end stays in sight.
    let wasNear = true;
    this.#log.addEventListener("scroll", () => (wasNear = this.#isNear()));
    new ResizeObserver(() => wasNear && this.#follow()).observe(this.#log);
  }

  /** What was said before the page came: shown, but not read out. */
  history(messages) {
    this.#log.setAttribute("aria-busy", "true");
    messages.forEach((message) => this.#append(message));
    this.#follow();
    this.#log.setAttribute("aria-busy", "false");
  }

  /** What was said even before that. */
  earlier(messages) {
    const end = this.#log.scrollHeight;
    this.#list.prepend(...messages.map((message) => this.#line(message)));
    this.#log.scrollTop += this.#log.scrollHeight - end;
  }

  /** A message that was just heard. */
  add(message) {
    const follows = this.#isNear();
    this.#append(message);
    if (follows || this.#isMine(message)) this.#follow();
    else this.#tellUnseen();
  }

  /** A remark of the page's own between two messages. */
  remark(sentence) {
    this.#list.append(element("li", { class: "remark" }, sentence));
    if (this.#isNear()) this.#follow();
  }

  #append(message) {
    const day = new Date(message.at / 1000).toLocaleDateString(undefined, { dateStyle: "long" });
    if (day !== this.#day) this.#list.append(element("li", { class: "remark day" }, day));
    this.#day = day;
    this.#list.append(this.#line(message));
    while (this.#list.childElementCount > MOST) this.#list.firstElementChild.remove();
  }

  #line(message) {
    const said = new Date(message.at / 1000);
    const when = element("time", { datetime: said.toISOString(), title: said.toLocaleString() }, timeOf(said));
    const isMine = this.#isMine(message);
    return element(
      "li",
      { class: isMine ? "message mine" : "message", "data-id": message.id },
      avatar(message.from.image),
      element("p", { class: "by" }, element("b", { dir: "auto" }, message.from.name), isMine ? " (you) " : " ", when),
      element("p", { class: "text", dir: "auto" }, message.text),
    );
  }

  #isNear() {
    return this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < NEAR;
  }

  #follow() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#seen();
  }

  #seen() {
    this.#unseen = 0;
    this.#newer.hidden = true;
  }

  #tellUnseen() {
    this.#unseen += 1;
    this.#newer.textContent = this.#unseen === 1 ? "1 new message ↓" : `${this.#unseen} new messages ↓`;
    this.#newer.hidden = false;
  }
}

function timeOf(date) {
  return date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
