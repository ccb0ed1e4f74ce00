use crate::feed::{Entry, Feed};
use crate::protocol::Transport;

/// How a stream wraps a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Envelope {
    /// A text frame of a WebSocket.
    Frame,
    /// An event in a chunk of its own: a body of HTTP/1.1 whose length nobody knows.
    Chunk,
    /// An event in a body that ends with its connection: HTTP/1.0.
    Plain,
}

impl Envelope {
    pub(super) const ALL: [Envelope; 3] = [Envelope::Frame, Envelope::Chunk, Envelope::Plain];

    /// For whoever keeps something for each.
    pub(super) const COUNT: usize = Envelope::ALL.len();

    /// Of a wrapped message, beyond its JSON: the header of a frame, or the sign and the id of an event and the size of its chunk.
    pub(super) const MOST: usize = 80;

    /// Whose envelope it is.
    pub(super) fn transport(self) -> Transport {
        match self {
            Envelope::Frame => Transport::Websocket,
            Envelope::Chunk | Envelope::Plain => Transport::Events,
        }
    }

    /// What keeps a stream alive that says nothing: a comment. A WebSocket has none, as its task pings.
    pub(super) fn comment(self) -> &'static [u8] {
        match self {
            Envelope::Frame => b"",
            Envelope::Chunk => b"3\r\n:\n\n\r\n",
            Envelope::Plain => b":\n\n",
        }
    }

    /// Puts a message in its envelope behind what is there.
    pub(super) fn push(self, bytes: &mut Vec<u8>, feed: &Feed, entry: &Entry) {
        let event = || format!("id: {}\ndata: ", feed.cursor(entry.seq));
        match self {
            Envelope::Frame => push_frame_header(bytes, entry.json.len()),
            // Each message's JSON is one line.
            Envelope::Chunk => {
                let event = event();
                let size = event.len() + entry.json.len() + END.len();
                bytes.extend_from_slice(format!("{size:x}\r\n{event}").as_bytes());
            }
            Envelope::Plain => bytes.extend_from_slice(event().as_bytes()),
        }
        bytes.extend_from_slice(&entry.json);
        match self {
            Envelope::Frame => {}
            Envelope::Chunk => bytes.extend_from_slice(b"\n\n\r\n"),
            Envelope::Plain => bytes.extend_from_slice(END),
        }
    }
}

/// What ends an event.
const END: &[u8] = b"\n\n";

/// The head of a final text frame without a mask (RFC 6455, section 5.2): the shortest that holds the length.
fn push_frame_header(bytes: &mut Vec<u8>, length: usize) {
    bytes.push(0x81);
    if length <= 125 {
        bytes.push(length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        bytes.push(126);
        bytes.extend_from_slice(&length.to_be_bytes());
    } else {
        bytes.push(127);
        bytes.extend_from_slice(&(length as u64).to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Keep;
    use crate::protocol::Speaker;

    fn header(length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        push_frame_header(&mut bytes, length);
        bytes
    }

    #[test]
    fn the_header_of_a_frame_is_the_shortest_that_holds_the_length() {
        assert_eq!(header(125), [0x81, 125]);
        assert_eq!(header(126), [0x81, 126, 0, 126]);
        assert_eq!(header(65_535), [0x81, 126, 0xff, 0xff]);
        assert_eq!(header(65_536), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn an_event_has_its_id_and_its_chunk_its_size() {
        let feed = Feed::new(Keep::default());
        feed.publish(&Speaker::guest(), "a").unwrap();
        let entry = feed.read_after(0, 1).unwrap().entries.remove(0);
        let wrapped = |envelope: Envelope| {
            let mut bytes = Vec::new();
            envelope.push(&mut bytes, &feed, &entry);
            assert!(bytes.len() <= entry.json.len() + Envelope::MOST);
            String::from_utf8(bytes).unwrap()
        };
        let json = str::from_utf8(&entry.json).unwrap();
        let event = format!("id: {}-1\ndata: {json}\n\n", feed.id());
        assert_eq!(wrapped(Envelope::Plain), event);
        assert_eq!(wrapped(Envelope::Chunk), format!("{:x}\r\n{event}\r\n", event.len()));
    }
}
