// The same chat with the package `ws`: npm install ws
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ port: Number(process.argv[2] ?? 3000), path: "/talkplace" });

server.on("connection", (client) => {
  client.on("message", (data) => {
    for (const each of server.clients) each.send(data, { binary: false });
  });
});
