// A lab's page: starts a run from the form, shows how far it is, and then its report beside the one before.

import { element } from "./element.js";

const lab = document.body.dataset.lab;
const form = document.querySelector("#knobs");
const stop = document.querySelector("#stop");
const outcome = document.querySelector("#outcome");
const runs = document.querySelector("#runs");

/** What the exit status of a run says. */
const ENDED = new Map([
  [0, "Done."],
  [1, "Done, and something that this lab claims did not hold: its report says what."],
  [3, "Done, but unclear: the machine was the limit, and the report says why."],
]);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  outcome.textContent = "";
  const refusal = await post(form.action, new URLSearchParams(new FormData(form)));
  if (refusal) outcome.textContent = refusal;
});

stop.addEventListener("submit", (event) => {
  event.preventDefault();
  post(stop.action, new URLSearchParams());
});

/** Posts a form; gives why it was refused, or nothing. */
async function post(address, body) {
  const answer = await fetch(address, { method: "POST", body, redirect: "manual" }).catch(() => null);
  if (answer === null) return "The server does not answer.";
  // Taken: the server would lead a browser without scripts back to this page.
  if (answer.type === "opaqueredirect") return null;
  const problem = await answer.json().catch(() => ({}));
  return problem.detail ?? `The server answered ${answer.status}.`;
}

let wasRunning = false;

new EventSource("/labs/events").onmessage = ({ data }) => {
  const now = JSON.parse(data);
  const isRunning = now.state === "running";
  document.querySelector("#progress").hidden = !isRunning;
  stop.hidden = !isRunning;
  form.querySelector("button").disabled = isRunning;
  if (isRunning) showProgress(now);
  // A run that had ended before this page came is in the list already.
  if (now.state === "ended" && now.lab === lab && wasRunning) showEnd(now);
  wasRunning = isRunning;
};

function showProgress({ lab: running, progress }) {
  const words = running === lab ? [] : [`another lab is running, ${running}`];
  if (progress) {
    document.querySelector("#bar").value = progress.done;
    words.push(`${progress.title} (${progress.step} of ${progress.of}), ${progress.doing}`, `${progress.left_s} s left`);
  } else {
    document.querySelector("#bar").value = 0;
    words.push("starting");
  }
  document.querySelector("#doing").textContent = words.join(": ");
}

function showEnd({ report, status, words }) {
  outcome.textContent = ENDED.get(status) ?? words;
  if (!report) return;
  const before = runs.querySelector("a")?.getAttribute("href");
  const name = report.split("/").at(-2);
  runs.prepend(element("li", {}, element("a", { href: report }, name)));
  const shown = before ? [["This run", report], ["The run before", before]] : [["This run", report]];
  const section = document.querySelector("#reports");
  section.replaceChildren(...shown.map(([title, address]) => framed(title, address)));
  section.hidden = false;
  section.scrollIntoView({ behavior: "smooth" });
}

function framed(title, address) {
  const link = element("a", { href: address }, address.split("/").at(-2));
  return element("figure", {}, element("figcaption", {}, `${title}, `, link), element("iframe", { src: address, title, loading: "eager" }));
}
