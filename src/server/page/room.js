// The room: what was said before, and everything from there on.

import { clock } from "./clock.js";
import { before, seqOf } from "./cursor.js";
import { element } from "./element.js";
import { Backoff } from "./backoff.js";
import { Ladder, RUNGS } from "./ladder.js";
import { MessageList } from "./message-list.js";
import { Outbox } from "./outbox.js";
import { Pretend } from "./pretend.js";
import { SayForm } from "./say.js";
import { ask } from "./transport/ask.js";

/** Messages of before that are shown at a time. */
const PAGE = 100;

/** The room. `me` is who listens. */
export class Room {
  #me;
  #form = new SayForm((text) => this.#outbox.say(text));
  #outbox = new Outbox({
    ready: () => this.#me.ask(),
    waiting: (count, why) => this.#form.note(count > 0 && why ? `${count} not sent yet: ${why}` : ""),
    refused: (text, why) => {
      this.#form.giveBack(text);
      this.#form.note(`Not taken: ${why}`);
    },
  });
  #list = new MessageList((message) => this.#isMine(message));
  #state = document.querySelector("#state");
  #rungs = new Map();
  #oldest = null;
  #ladder = null;
  #pretend = new Pretend(document.querySelector("#pretend"), () => this.again());

  constructor(me) {
    this.#me = me;
    const lines = RUNGS.map((rung) => {
      const became = element("span", {}, "not tried yet");
      const line = element("li", { "data-transport": rung.transport, "data-became": "idle" }, element("b", {}, rung.title), " ", became);
      this.#rungs.set(rung, { line, became });
      return line;
    });
    document.querySelector("#rungs").replaceChildren(...lines);
    document.querySelector("#earlier").addEventListener("click", () => this.#showEarlier());
  }

  /** Shows the last of what was said before, then listens. Completes with the cursor of the end, for others who want to listen. */
  async enter() {
    const backoff = new Backoff();
    for (;;) {
      try {
        const end = (await ask("/talkplace/poll", {})).next;
        const shown = await this.#since(before(end, PAGE));
        this.#list.history(shown.messages);
        this.#listenFrom(shown.next);
        this.#remember(shown.after);
        return shown.next;
      } catch {
        this.#show("offline", "the server does not answer");
        await backoff.wait();
      }
    }
  }

  /** Looks for the best way to listen again. */
  again() {
    this.#ladder?.look();
  }

  #listenFrom(cursor) {
    this.#ladder = new Ladder(cursor, this.#pretend, {
      reachable: () => this.#me.ask(),
      heard: (message) => {
        clock.heard(message.id, message.at);
        this.#list.add(message);
      },
      gap: (isAnotherFeed) =>
        this.#list.remark(
          isAnotherFeed
            ? "The server has started anew, and with it the talk."
            : "Some messages are missing here: the server no longer keeps them.",
        ),
      rung: (rung, became, words) => {
        const shown = this.#rungs.get(rung);
        shown.line.dataset.became = became;
        shown.became.textContent = words;
      },
      state: (state, detail) => this.#show(state, detail),
    });
  }

  #show(state, detail) {
    const words = {
      listening: `connected by ${detail}`,
      lost: `trying again: ${detail}`,
      offline: `offline: ${detail}; trying again`,
    };
    this.#state.dataset.state = state;
    this.#state.textContent = words[state];
  }

  #isMine({ id, from }) {
    return this.#outbox.has(id) || (from.id !== 0 && from.id === this.#me.speaker.id);
  }

  /** A batch, from the oldest message that is kept when that is a later one. */
  async #since(after) {
    try {
      return { after, ...(await ask("/talkplace/poll", { after, limit: PAGE })) };
    } catch (error) {
      if (error.status !== 410) throw error;
      const oldest = before(error.problem.oldest, 1);
      return { after: oldest, isAll: true, ...(await ask("/talkplace/poll", { after: oldest, limit: PAGE })) };
    }
  }

  #remember(oldest) {
    this.#oldest = oldest;
    document.querySelector("#earlier").hidden = seqOf(oldest) === 0;
  }

  async #showEarlier() {
    const end = seqOf(this.#oldest);
    const shown = await this.#since(before(this.#oldest, PAGE)).catch(() => null);
    if (!shown) return;
    this.#list.earlier(shown.messages.filter((message) => seqOf(message.id) <= end));
    this.#remember(shown.isAll ? before(shown.after, Infinity) : shown.after);
  }
}
