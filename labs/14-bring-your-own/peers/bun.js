// The same chat with Bun, which sends to all who have subscribed: npm install bun
Bun.serve({
  port: Number(process.argv[2] ?? 3000),
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response("a WebSocket, please", { status: 426 });
  },
  websocket: {
    open: (client) => client.subscribe("talkplace"),
    message(client, text) {
      client.publish("talkplace", text);
      client.send(text);
    },
  },
});
