// As much of WebSocket (RFC 6455) as a chat needs: the upgrade, whole frames of text, ping and close.

const { createHash } = require("node:crypto");

const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

// Answers the upgrade. What the client says comes to `ontext`; `send` says something to it.
exports.accept = (request, socket) => {
  const key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${createHash("sha1").update(key).digest("base64")}\r\n\r\n`,
  );
  socket.setNoDelay(true);
  const client = {
    ontext: () => {},
    onclose: () => {},
    send: (text) => socket.write(written(TEXT, Buffer.from(text))),
  };
  let bytes = Buffer.alloc(0);
  socket.on("data", (more) => {
    bytes = Buffer.concat([bytes, more]);
    for (let frame = read(bytes); frame; frame = read(bytes)) {
      bytes = bytes.subarray(frame.end);
      if (frame.opcode === TEXT) client.ontext(frame.payload.toString());
      if (frame.opcode === PING) socket.write(written(PONG, frame.payload));
      if (frame.opcode === CLOSE) socket.end(written(CLOSE, frame.payload));
    }
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => client.onclose());
  return client;
};

// The first frame of these bytes, or nothing while it is not whole. What a client sends is masked with four bytes.
function read(bytes) {
  if (bytes.length < 2) return undefined;
  let length = bytes[1] & 0x7f;
  let mask = 2;
  if (length === 126) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    mask = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return undefined;
    length = Number(bytes.readBigUInt64BE(2));
    mask = 10;
  }
  const end = mask + 4 + length;
  if (bytes.length < end) return undefined;
  const payload = Buffer.from(bytes.subarray(mask + 4, end));
  for (let n = 0; n < length; n++) payload[n] ^= bytes[mask + (n % 4)];
  return { opcode: bytes[0] & 0x0f, payload, end };
}

// A frame as a server sends it: whole, and not masked.
function written(opcode, payload) {
  const isShort = payload.length < 126;
  const head = Buffer.alloc(isShort ? 2 : 4);
  head[0] = 0x80 | opcode;
  head[1] = isShort ? payload.length : 126;
  if (!isShort) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, payload]);
}
