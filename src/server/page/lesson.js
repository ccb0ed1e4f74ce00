// The lesson's own script, shown as it is and run as it is.

import { element } from "./element.js";

const SCRIPT = "/page/lesson-script.js";
const WORKER = "/page/lesson-worker.js";
/** The page's policy wants the address of a script to be vouched for: this is the only one it starts. */
const policy = window.trustedTypes?.createPolicy("lesson", { createScriptURL: () => WORKER });

/** Lines of output that are kept. */
const MOST = 200;

/** The corner with the script, its Run button and its console. */
export class Lesson {
  #run = document.querySelector("#run");
  #stop = document.querySelector("#stop");
  #console = document.querySelector("#console");
  #worker = null;

  constructor() {
    this.#showScript();
    this.#run.addEventListener("click", () => this.#start());
    this.#stop.addEventListener("click", () => this.#end());
  }

  async #showScript() {
    const answer = await fetch(SCRIPT).catch(() => null);
    document.querySelector("#script code").textContent = answer?.ok ? await answer.text() : "(the script could not be fetched)";
  }

  #start() {
    this.#end();
    this.#console.replaceChildren();
    this.#worker = new Worker(policy?.createScriptURL(WORKER) ?? WORKER);
    this.#worker.onmessage = ({ data }) => this.#print(data);
    this.#worker.onerror = ({ message }) => this.#print(message, "failed");
    this.#stop.disabled = false;
    this.#run.textContent = "Run again";
  }

  #end() {
    this.#worker?.terminate();
    this.#worker = null;
    this.#stop.disabled = true;
  }

  #print(text, kind) {
    const isAtEnd = this.#console.scrollHeight - this.#console.scrollTop - this.#console.clientHeight < 20;
    this.#console.append(element("span", { class: kind }, `${text}\n`));
    if (this.#console.childElementCount > MOST) this.#console.firstElementChild.remove();
    if (isAtEnd) this.#console.scrollTop = this.#console.scrollHeight;
  }
}
