// Cursors: `FEED-SEQ` says what a listener has already heard.

/** The number in a cursor or a message's id. */
export function seqOf(cursor) {
  return Number(cursor.slice(cursor.indexOf("-") + 1));
}

/** The feed that a cursor or a message's id belongs to; a server that starts anew begins another one. */
export function feedOf(cursor) {
  return cursor.slice(0, cursor.indexOf("-"));
}

/** The cursor so many messages before this one, or at the beginning. */
export function before(cursor, messages) {
  return `${feedOf(cursor)}-${Math.max(0, seqOf(cursor) - messages)}`;
}
