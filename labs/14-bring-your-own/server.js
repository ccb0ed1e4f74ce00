// A chat room in plain Node, without a package: whatever one client says is sent to all.
//
//   node server.js [PORT]

const http = require("node:http");
const { accept } = require("./websocket.js");

const page = `<!doctype html>
<meta charset="utf-8">
<title>talkplace</title>
<input autofocus placeholder="Say something">
<ul></ul>
<script>
  const ws = new WebSocket("ws://" + location.host + "/talkplace");
  ws.onmessage = (event) => {
    const line = document.createElement("li");
    line.textContent = event.data;
    document.querySelector("ul").prepend(line);
  };
  document.querySelector("input").onchange = (event) => {
    ws.send(event.target.value);
    event.target.value = "";
  };
</script>
`;

const server = http.createServer((request, response) => {
  if (request.url === "/") {
    response.writeHead(200, { "Content-Type": "text/html" }).end(page);
  } else {
    response.writeHead(404).end();
  }
});

const everybody = new Set();

server.on("upgrade", (request, socket) => {
  if (request.url !== "/talkplace") {
    socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
    return;
  }
  const client = accept(request, socket);
  everybody.add(client);
  client.onclose = () => everybody.delete(client);
  client.ontext = (text) => {
    for (const each of everybody) each.send(text);
  };
});

server.listen(Number(process.argv[2] ?? 3000), () => {
  console.log(`listening on http://localhost:${server.address().port}`);
});
