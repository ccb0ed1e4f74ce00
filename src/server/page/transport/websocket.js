// WebSocket: one request, then a connection on which both may speak at any time.

/** The cursor of the server is older than what it keeps. */
const GONE = 4410;

/** Listens to what follows `after` on a WebSocket. */
export function webSocket({ after, extra = {} }, tell) {
  const address = new URL(`/talkplace?${new URLSearchParams({ after, ...extra })}`, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  let opened = false;
  tell.asked?.();

  socket.onopen = () => {
    opened = true;
    tell.opened?.();
  };
  socket.onmessage = ({ data }) => tell.heard(JSON.parse(data), frameBytes(data));
  socket.onclose = ({ code, reason }) => {
    if (code === GONE) return tell.ended({ why: "the cursor is gone", gone: JSON.parse(reason) });
    const why = opened ? `the connection was closed (${code})` : "the connection did not open: something on the way may not know WebSocket";
    tell.ended({ why, gone: null });
  };
  return {
    change() {},
    stop() {
      socket.onclose = null;
      socket.onmessage = null;
      socket.close();
    },
  };
}

/** What a text takes on the wire as one frame: its bytes and a head of 2, 4 or 10 (RFC 6455, section 5.2). */
function frameBytes(text) {
  const length = new TextEncoder().encode(text).length;
  if (length < 126) return length + 2;
  return length + (length < 65_536 ? 4 : 10);
}
