//! Whatever listeners and publishers do, each listener hears every message once and in order, or is told what is gone.

use proptest::prelude::*;

use super::Server;
use super::http::Client;
use super::websocket::{CLOSE, TEXT, UPGRADE, Ws};

/// How many messages the feeds here keep: few, so that whoever is slow loses some.
const KEEP: u64 = 8;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Somebody says so many things.
    Publish(u8),
    /// A listener with a WebSocket says something.
    Speak,
    /// A listener hears up to so many messages.
    Hear(usize, u8),
    /// A listener's connection breaks; it comes back with its cursor when it hears the next time.
    Leave(usize),
    /// A listener forgets its cursor and starts now.
    StartAnew(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1u8..12).prop_map(Step::Publish),
        1 => Just(Step::Speak),
        6 => (0usize..4, 1u8..20).prop_map(|(who, n)| Step::Hear(who, n)),
        2 => (0usize..4).prop_map(Step::Leave),
        1 => (0usize..4).prop_map(Step::StartAnew),
    ]
}

enum Line {
    Poll(Client),
    LongPoll(Client),
    Events(Option<Client>),
    Websocket(Option<Ws>),
}

/// One listener, and what it knows.
struct Listener {
    line: Line,
    heard: u64,
}

/// What came next.
#[derive(Debug, PartialEq)]
enum Came {
    Seqs(Vec<u64>),
    /// The cursor is too old; goes on behind this seq.
    Gone(u64),
    /// The stream ended, for a listener that fell behind.
    Ended,
}

/// A feed and all that happened to it.
struct Room {
    server: Server,
    publisher: Client,
    feed: String,
    newest: u64,
}

impl Room {
    fn new() -> Self {
        let server = Server::with(|config| config.keep.messages = KEEP as usize);
        let feed = server.cursor().split('-').next().unwrap().to_owned();
        let publisher = server.client();
        Room {
            server,
            publisher,
            feed,
            newest: 0,
        }
    }

    fn oldest(&self) -> u64 {
        self.newest + 1 - self.newest.min(KEEP)
    }

    fn id(&self, seq: u64) -> String {
        format!("{}-{seq}", self.feed)
    }

    /// Each message says its own seq.
    fn publish(&mut self) {
        self.newest += 1;
        let text = self.newest.to_string();
        let answer = self
            .publisher
            .post("/talkplace/messages", "text/plain", text.as_bytes());
        assert_eq!(answer.json()["id"], self.id(self.newest));
    }

    fn gone(&self, json: &serde_json::Value, heard: u64) -> Came {
        assert!(heard + 1 < self.oldest(), "{heard} is still kept: {json}");
        assert_eq!(json["oldest"], self.id(self.oldest()));
        assert_eq!(json["next"], self.id(self.newest));
        Came::Gone(self.oldest() - 1)
    }

    fn seq_of(&self, message: &serde_json::Value) -> u64 {
        let seq = message["text"].as_str().unwrap().parse().unwrap();
        assert_eq!(message["id"], self.id(seq));
        seq
    }

    /// What a listener that has something to hear hears next.
    fn next(&self, listener: &mut Listener, most: u64) -> Came {
        let (heard, id) = (listener.heard, self.id(listener.heard));
        match &mut listener.line {
            Line::Poll(client) => {
                let answer = client.get(&format!("/talkplace/poll?after={id}&limit={most}"));
                self.batch(&answer, heard)
            }
            Line::LongPoll(client) => {
                let answer = client.get(&format!("/talkplace/long-poll?after={id}&limit={most}"));
                self.batch(&answer, heard)
            }
            Line::Events(line) => {
                if line.is_none() {
                    let mut client = self.server.client();
                    let answer = client.request("GET", "/talkplace/events", &[("Last-Event-ID", &id)], b"");
                    if answer.status == 410 {
                        return self.gone(&answer.json(), heard);
                    }
                    assert_eq!(answer.status, 200, "{answer:?}");
                    assert_eq!(client.chunk(), format!("id: {id}\n\n"));
                    *line = Some(client);
                }
                let event = line.as_mut().unwrap().chunk();
                if event.is_empty() {
                    *line = None;
                    return Came::Ended;
                }
                let (_, data) = event.split_once("data: ").unwrap();
                let seq = self.seq_of(&serde_json::from_str(data).unwrap());
                assert!(event.starts_with(&format!("id: {}\n", self.id(seq))), "{event}");
                Came::Seqs(vec![seq])
            }
            Line::Websocket(line) => {
                let ws = line.get_or_insert_with(|| Ws::open(&self.server, &format!("/talkplace?after={id}")));
                match ws.frame() {
                    (TEXT, payload) => Came::Seqs(vec![self.seq_of(&serde_json::from_slice(&payload).unwrap())]),
                    (CLOSE, payload) => {
                        *line = None;
                        match u16::from_be_bytes([payload[0], payload[1]]) {
                            4410 => self.gone(&serde_json::from_slice(&payload[2..]).unwrap(), heard),
                            1013 => Came::Ended,
                            code => panic!("closed with {code}"),
                        }
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    fn batch(&self, answer: &super::http::Answer, heard: u64) -> Came {
        if answer.status == 410 {
            return self.gone(&answer.json(), heard);
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        let json = answer.json();
        let messages = json["messages"].as_array().unwrap();
        let seqs: Vec<u64> = messages.iter().map(|message| self.seq_of(message)).collect();
        assert_eq!(json["next"], self.id(*seqs.last().unwrap()));
        Came::Seqs(seqs)
    }

    /// Lets a listener hear up to `most` messages of those that there are.
    fn hear(&self, listener: &mut Listener, most: u64) {
        let until = self.newest.min(listener.heard + most);
        while listener.heard < until {
            match self.next(listener, until - listener.heard) {
                Came::Seqs(seqs) => {
                    assert!(!seqs.is_empty());
                    for seq in seqs {
                        assert_eq!(seq, listener.heard + 1, "the next one, once");
                        listener.heard = seq;
                    }
                }
                Came::Gone(heard) => listener.heard = heard,
                Came::Ended => assert!(self.newest - listener.heard > KEEP, "it had not fallen behind"),
            }
        }
    }
}

/// Breaks a listener's connection.
fn leave(listener: &mut Listener, server: &Server) {
    match &mut listener.line {
        Line::Poll(client) | Line::LongPoll(client) => *client = server.client(),
        Line::Events(line) => *line = None,
        Line::Websocket(line) => *line = None,
    }
}

/// A server for each case: few of them, unless somebody asks for more.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: cases.unwrap_or(32),
        max_shrink_iters: 200,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// Polls, long polls, event streams and WebSockets, in any mix of publishing, hearing, falling behind, leaving, coming back.
    #[test]
    fn every_message_once_and_in_order_or_gone(steps in prop::collection::vec(step(), 1..40)) {
        let mut room = Room::new();
        let lines = [
            Line::Poll(room.server.client()),
            Line::LongPoll(room.server.client()),
            Line::Events(None),
            Line::Websocket(None),
        ];
        let mut listeners = lines.map(|line| Listener { line, heard: 0 });
        for step in steps {
            match step {
                Step::Publish(n) => (0..n).for_each(|_| room.publish()),
                Step::Speak => {
                    // A socket of its own: that it has left again is no reason not to be heard.
                    let mut speaker = room.server.client();
                    assert_eq!(speaker.request("GET", "/talkplace", &UPGRADE, b"").status, 101);
                    room.newest += 1;
                    Ws(speaker).say(&room.newest.to_string());
                    let after = room.id(room.newest - 1);
                    let answer = room.server.get(&format!("/talkplace/long-poll?after={after}"));
                    assert_eq!(answer.texts(), [room.newest.to_string()]);
                }
                Step::Hear(who, most) => room.hear(&mut listeners[who], most.into()),
                Step::Leave(who) => leave(&mut listeners[who], &room.server),
                Step::StartAnew(who) => {
                    leave(&mut listeners[who], &room.server);
                    listeners[who].heard = room.newest;
                }
            }
        }
        for listener in &mut listeners {
            room.hear(listener, u64::MAX / 2);
            prop_assert_eq!(listener.heard, room.newest);
        }
    }
}
