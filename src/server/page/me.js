// Who this visitor is.

import { avatar } from "./avatar.js";
import { element } from "./element.js";

const KEPT = "talkplace-name";

/** This visitor, in the corner of the page: signs in, and again when the server no longer knows the signature. */
export class Me {
  /** As the server says it: `{id, name, image}`; the guest has id 0. */
  speaker = { id: 0, name: "", image: 0 };
  #who = document.querySelector("#who");
  #form = document.querySelector("#sign-in");
  #name = document.querySelector("#name");
  #rename = document.querySelector("#rename");
  #asking = null;

  constructor() {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#signIn(this.#name.value).catch((error) => this.#complain(error.message));
    });
    this.#rename.addEventListener("click", () => {
      this.#showForm(true);
      this.#name.focus();
    });
  }

  /** Asks the server who this is; whether it answered at all. Whoever asks meanwhile gets the same answer. */
  ask() {
    this.#asking ??= this.#ask().finally(() => (this.#asking = null));
    return this.#asking;
  }

  async #ask() {
    let speaker = await fetchSpeaker();
    // A server that signs with another key takes cookies away that it does not know: the same name, signed anew.
    const name = sessionStorage.getItem(KEPT);
    if (speaker?.id === 0 && name !== null) {
      await enter(name).catch(() => {});
      speaker = await fetchSpeaker();
    }
    if (!speaker) return false;
    const isNew = speaker.id !== this.speaker.id || speaker.name !== this.speaker.name;
    this.speaker = speaker;
    if (isNew) this.#show();
    return true;
  }

  async #signIn(name) {
    await enter(name);
    sessionStorage.setItem(KEPT, name);
    this.#name.value = "";
    await this.ask();
  }

  #show() {
    const isGuest = this.speaker.id === 0;
    const words = isGuest ? "You are a guest, " : "You are ";
    const name = element("b", { dir: "auto" }, this.speaker.name);
    this.#who.replaceChildren(avatar(this.speaker.image), words, name);
    this.#showForm(isGuest);
  }

  #showForm(shown) {
    this.#form.hidden = !shown;
    this.#rename.hidden = shown;
  }

  #complain(sentence) {
    this.#name.setCustomValidity(sentence);
    this.#name.reportValidity();
    this.#name.addEventListener("input", () => this.#name.setCustomValidity(""), { once: true });
  }
}

/** Who the server says this is; null when it does not answer. */
async function fetchSpeaker() {
  for (let turn = 0; turn < 2; turn += 1) {
    const answer = await fetch("/me", { cache: "no-store" }).catch(() => null);
    if (answer?.ok) return answer.json();
    // It has just taken the cookies away, so that the next answer is the guest.
    if (answer?.status !== 401) return null;
  }
  return null;
}

async function enter(name) {
  const answer = await fetch("/signin", { method: "POST", body: new URLSearchParams({ name }) });
  if (answer.ok) return;
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.detail ?? "The server did not take the name.");
}
