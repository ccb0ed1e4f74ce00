// The line in which one writes.

/** Longest text that the server takes unless it was told otherwise, in bytes of UTF-8. */
const MOST_BYTES = 4_096;
/** From here on the page says how much is left. */
const FEW_BYTES = 200;

/** The form: Enter says it, Shift and Enter begin a new line. */
export class SayForm {
  #form = document.querySelector("#say");
  #text = document.querySelector("#text");
  #left = document.querySelector("#left");
  #note = "";

  /** `say` is called with each text. */
  constructor(say) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#text.value.trim() === "" || this.#bytesLeft() < 0) return;
      say(this.#text.value);
      this.#text.value = "";
      this.#fit();
    });
    this.#text.addEventListener("keydown", (event) => {
      // While an input method is composing, Enter is its own: it chooses a character.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    this.#text.addEventListener("input", () => this.#fit());
    this.#fit();
  }

  /** A remark below the line, such as what waits to be sent. */
  note(sentence) {
    this.#note = sentence;
    this.#show();
  }

  /** Gives a text back that could not be said. */
  giveBack(text) {
    if (this.#text.value === "") this.#text.value = text;
    this.#fit();
  }

  #bytesLeft() {
    return MOST_BYTES - new TextEncoder().encode(this.#text.value).length;
  }

  #fit() {
    this.#text.rows = Math.min(8, this.#text.value.split("\n").length);
    this.#show();
  }

  #show() {
    const left = this.#bytesLeft();
    const words = left < 0 ? `${-left} bytes too long` : `${left} bytes left`;
    const shown = left < FEW_BYTES ? [this.#note, words] : [this.#note];
    this.#left.textContent = shown.filter(Boolean).join("; ");
  }
}
