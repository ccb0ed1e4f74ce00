const ws = new WebSocket("ws://localhost:3000/talkplace");
ws.onmessage = (event) => console.log(event.data);
ws.onopen = () => ws.send("hello world");
