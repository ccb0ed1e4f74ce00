// The same chat room, grown towards talkplace's contract: it has a feed now, which can be heard by short and by long polling, too.
//
//   node grown.js [PORT]

const http = require("node:http");
const { accept } = require("./websocket.js");

// The feed: messages as JSON, the first one being number 1, under a name that is drawn anew with every start.
const feed = Math.random().toString(36).slice(2, 10);
const messages = [];
const clients = new Set();
const held = new Set();

function say(text) {
  const id = `${feed}-${messages.length + 1}`;
  const at = Math.round((performance.timeOrigin + performance.now()) * 1000);
  const from = { id: 0, name: "路人甲", image: 0 };
  messages.push(JSON.stringify({ id, at, from, text }));
  for (const client of clients) client.send(messages.at(-1));
  for (const look of held) look();
  return id;
}

// The number of the last message that a listener has heard, or the refusal that its cursor deserves.
function cursor(after) {
  if (after === null) return { seq: messages.length };
  const [, name = feed, number] = after.match(/^(?:([0-9a-z]{1,16})-)?(0|[1-9][0-9]{0,14})$/) ?? [];
  if (number === undefined) return { status: 400, detail: "The cursor cannot be read." };
  if (name !== feed) return { status: 410, detail: "This is another feed." };
  if (Number(number) > messages.length) return { status: 400, detail: "The cursor is past the end." };
  return { seq: Number(number) };
}

function batch(seq, limit) {
  const said = messages.slice(seq, seq + limit);
  return `{"next":"${feed}-${seq + said.length}","messages":[${said.join(",")}]}`;
}

function poll(response, query, hold) {
  const after = query.get("after");
  const { seq, status, detail } = cursor(after);
  const limit = Number(query.get("limit") ?? 100);
  if (status) return refuse(response, status, detail);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) return refuse(response, 400, "A limit is 1 to 1000.");
  const answer = () => {
    clearTimeout(timer);
    held.delete(answer);
    if (after !== null && seq === messages.length) return send(response, 204);
    send(response, 200, "application/json", batch(seq, limit));
  };
  const timer = setTimeout(answer, hold);
  if (after === null || seq < messages.length || hold === 0) return answer();
  held.add(answer);
  response.on("close", () => (clearTimeout(timer), held.delete(answer)));
}

// How long to hold, in milliseconds: `25s` without a word about it.
function hold(query) {
  const [, number, unit = "s"] = (query.get("timeout") ?? "25s").match(/^([0-9]{1,9})(ms|s|m)?$/) ?? [];
  return number && Math.min(Number(number) * { ms: 1, s: 1000, m: 60000 }[unit], 120000);
}

function publish(request, response) {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const text = Buffer.concat(chunks);
    if (text.length === 0) return refuse(response, 400, "A text has at least one byte.");
    if (text.length > 4096) return refuse(response, 413, "A text has at most 4096 bytes.");
    send(response, 201, "application/json", JSON.stringify({ id: say(text.toString()) }));
  });
}

function send(response, status, type, body) {
  response.writeHead(status, { "Cache-Control": "no-store", ...(type && { "Content-Type": type }) }).end(body);
}

function refuse(response, status, detail) {
  const problem = { type: "about:blank", title: http.STATUS_CODES[status], status, detail };
  if (status === 410) Object.assign(problem, { oldest: `${feed}-1`, next: `${feed}-${messages.length}` });
  send(response, status, "application/problem+json", JSON.stringify(problem));
}

// Not by `new URL`: a path like `//` makes it throw, and whoever asks for that would end the server.
function target(request) {
  const [path, query] = request.url.split("?", 2);
  return { path, query: new URLSearchParams(query) };
}

const server = http.createServer((request, response) => {
  const { path, query } = target(request);
  const asked = `${request.method} ${path}`;
  if (asked === "GET /healthz") return send(response, 200, "text/plain", "ok");
  if (asked === "POST /talkplace/messages") return publish(request, response);
  if (asked === "GET /talkplace/poll") return poll(response, query, 0);
  if (asked === "GET /talkplace/long-poll") {
    const length = hold(query);
    if (length === undefined) return refuse(response, 400, "The timeout cannot be read.");
    return poll(response, query, length);
  }
  refuse(response, 404, "There is nothing at this path.");
});

server.on("upgrade", (request, socket) => {
  const { path, query } = target(request);
  const { seq, status } = cursor(query.get("after"));
  if (path !== "/talkplace" || status) {
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    return;
  }
  const client = accept(request, socket);
  for (const message of messages.slice(seq)) client.send(message);
  clients.add(client);
  client.onclose = () => clients.delete(client);
  client.ontext = say;
});

server.keepAliveTimeout = 75000;
server.listen(Number(process.argv[2] ?? 3000), () => {
  console.log(`listening on http://localhost:${server.address().port}`);
});
