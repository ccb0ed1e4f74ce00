// What this browser is to do without: `?pretend=no-websocket,no-events`, and the switches that say the same.

/** What each word takes away. Internet Explorer 9 had neither of the two, but could hold a request. */
const TAKES = {
  "no-websocket": ["websocket"],
  "no-events": ["events"],
  "no-long-poll": ["long-poll"],
  ie9: ["websocket", "events"],
};

/** The words in force: of the address at first, then of the switches. */
export class Pretend {
  #words;
  #boxes;

  /** `changed` is called whenever a switch was turned. */
  constructor(fieldset, changed) {
    const asked = new URLSearchParams(location.search).getAll("pretend").flatMap((words) => words.split(","));
    this.#words = new Set(asked.filter((word) => Object.hasOwn(TAKES, word)));
    this.#boxes = [...fieldset.querySelectorAll("input")];
    for (const box of this.#boxes) box.checked = this.#words.has(box.value);
    fieldset.addEventListener("change", () => {
      this.#words = new Set(this.#boxes.filter((box) => box.checked).map((box) => box.value));
      this.#writeAddress();
      changed();
    });
  }

  /** Whether this transport is to be taken for missing. */
  isWithout(transport) {
    return [...this.#words].some((word) => TAKES[word].includes(transport));
  }

  // A reload, or a link that is passed on, pretends the same.
  #writeAddress() {
    const address = new URL(location.href);
    address.searchParams.delete("pretend");
    if (this.#words.size > 0) address.searchParams.set("pretend", [...this.#words].join(","));
    history.replaceState(null, "", address);
  }
}
