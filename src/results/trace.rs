use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// What crossed the connections of a few listeners, byte for byte: how each connection began, and a slice of the window.
///
/// Instants are microseconds from the start of the warm-up; what came before it is negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// Where the slice begins. It is the same for every transport of a run, and so are the messages meant for it.
    pub from_us: i64,
    /// Where it ends.
    pub until_us: i64,
    /// The start of the warm-up on the wall clock, in microseconds since the Unix epoch: what a message's `at` is compared with.
    pub start_at_us: u64,
    /// The listeners, the first of the run first.
    pub listeners: Vec<Traced>,
}

/// What crossed the connections of one listener.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traced {
    /// When each of its connections was ready for its first byte.
    pub opened_us: Vec<i64>,
    /// The pieces, in the order in which they left.
    pub pieces: Vec<Piece>,
    /// Whether there was more in the slice than is kept.
    pub is_cut: bool,
}

/// Bytes that were written or read at once. One request, answer, event or frame is mostly one piece, but need not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Which connection of this listener, from 0.
    pub connection: u32,
    /// Which way it went.
    pub way: Way,
    /// How many bytes went this way over the connection before it: a jump is what was not kept.
    pub offset: u64,
    /// When it left: the listener's side of the link, or the server's, as its way is.
    pub left_us: i64,
    /// When it had reached the other side; `None` when that was not seen any more.
    pub reached_us: Option<i64>,
    /// The bytes themselves; base64 in JSON.
    #[serde(serialize_with = "write_bytes", deserialize_with = "read_bytes")]
    pub bytes: Vec<u8>,
}

/// Which way bytes went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// From a listener to the server.
    Out,
    /// From the server to a listener.
    In,
}

fn write_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn read_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_come_back_as_they_were() {
        let piece = Piece {
            connection: 1,
            way: Way::In,
            offset: 7,
            left_us: -5,
            reached_us: None,
            bytes: (0..=255).collect(),
        };
        let json = serde_json::to_string(&piece).unwrap();
        assert!(json.contains("\"way\":\"in\""), "{json}");
        assert_eq!(serde_json::from_str::<Piece>(&json).unwrap(), piece);
        let broken = json.replace("AAEC", "?");
        assert!(serde_json::from_str::<Piece>(&broken).is_err());
    }
}
