// The page of the chat: one WebSocket, which brings what everybody says.

const list = document.querySelector("#messages");
const state = document.querySelector("#state");
const text = document.querySelector("#text");

let next = null; // The cursor: what this page has heard, so that a new connection goes on where the last one ended.
let socket = null;
let wait = 500;

function show(message) {
  const line = document.createElement("li");
  const who = document.createElement("b");
  const when = document.createElement("time");
  const said = document.createElement("span");
  who.textContent = message.from.name;
  who.dataset.image = message.from.image;
  when.textContent = new Date(message.at / 1000).toLocaleTimeString();
  said.textContent = message.text;
  line.append(who, when, said);
  list.append(line);
  line.scrollIntoView({ block: "nearest" });
}

function connect() {
  const address = new URL("/talkplace", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  if (next !== null) address.searchParams.set("after", next);
  socket = new WebSocket(address);
  socket.onopen = () => {
    state.textContent = "connected";
    wait = 500;
  };
  socket.onmessage = (event) => {
    const message = JSON.parse(event.data);
    next = message.id;
    show(message);
  };
  socket.onclose = (event) => {
    // 4410: the feed no longer has what follows the cursor. Start again with what it still has.
    if (event.code === 4410) next = JSON.parse(event.reason).next;
    state.textContent = "connection lost, trying again …";
    setTimeout(connect, wait * (0.5 + Math.random()));
    wait = Math.min(wait * 2, 10_000);
  };
}

document.querySelector("#say").addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket.readyState !== WebSocket.OPEN) return;
  socket.send(text.value);
  text.value = "";
});

// What was said before, then the WebSocket from there on.
const history = await fetch("/talkplace/poll?after=0&limit=1000").catch(() => null);
if (history?.status === 200) {
  const batch = await history.json();
  batch.messages.forEach(show);
  next = batch.next;
} else if (history?.status === 410) {
  const gone = await history.json();
  next = gone.next;
}
connect();
