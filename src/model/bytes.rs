//! What a delivered message costs in bytes: heads, envelopes, frames.

use super::{Arrivals, Prediction};

/// Sizes of what a poll sends and gets, on average, the messages themselves aside: heads, bodies and envelopes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PollBytes {
    /// Bq: a request.
    pub request: f64,
    /// Be: an answer without a message.
    pub empty_answer: f64,
    /// Bb: an answer with messages, without the messages.
    pub full_answer: f64,
}

impl PollBytes {
    /// What a message costs beside itself: [Bq + p0·Be + (1 − p0)·Bb]/(λC), p0 being the empty share.
    ///
    /// There is a request and an answer every C, and λC messages to share them. Infinite on a silent feed.
    pub fn overhead_per_message(&self, prediction: &Prediction, arrivals: Arrivals) -> f64 {
        let empty = prediction.empty_share;
        let exchange = self.request + empty * self.empty_answer + (1.0 - empty) * self.full_answer;
        exchange * prediction.requests_per_s / arrivals.rate_per_s()
    }

    /// The same with the message itself, and the commas between messages that share an answer.
    pub fn per_message(&self, message_bytes: f64, prediction: &Prediction, arrivals: Arrivals) -> f64 {
        let commas = 1.0 - 1.0 / prediction.messages_per_full_answer;
        message_bytes + commas + self.overhead_per_message(prediction, arrivals)
    }
}

/// `{"next":"…","messages":[…]}` around messages, for a cursor of so many bytes.
pub fn batch_envelope(cursor_bytes: usize) -> usize {
    r#"{"next":"","messages":[]}"#.len() + cursor_bytes
}

/// A WebSocket frame's header: 2 bytes, 2 or 8 more for longer payloads, 4 more for the mask of what a client sends (RFC
/// 6455, section 5.2).
pub fn websocket_header(payload_bytes: usize, from_client: bool) -> usize {
    let length = match payload_bytes {
        0..=125 => 2,
        126..=65_535 => 4,
        _ => 10,
    };
    length + if from_client { 4 } else { 0 }
}

/// What wraps a message in an event stream: `id: …`, `data: …` and the empty line, and the size and two line ends of the
/// chunk that it goes in.
pub fn event_overhead(message_bytes: usize, cursor_bytes: usize) -> usize {
    let lines = "id: \ndata: \n\n".len() + cursor_bytes;
    let chunk_size = format!("{:x}", message_bytes + lines);
    lines + chunk_size.len() + 2 * "\r\n".len()
}

/// IPv4 (20), TCP (20) and its timestamps (12): what Linux adds to every segment.
pub const SEGMENT_HEADER_BYTES: f64 = 52.0;

/// Bits a second that polling costs, whether there are messages or not: N·8·(Bq + Be)/T.
pub fn polling_bits_per_s(listeners: f64, interval_s: f64, bytes_per_poll: f64) -> f64 {
    listeners * 8.0 * bytes_per_poll / interval_s
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Exchange, PollTimer, ShortPoll};

    #[test]
    fn wasted_polls_are_paid_by_the_messages() {
        let arrivals = Arrivals::Poisson { rate_per_s: 0.1 };
        let polls = ShortPoll {
            interval_s: 1.0,
            timer: PollTimer::Fixed,
            exchange: Exchange::default(),
            arrivals,
        };
        let bytes = PollBytes {
            request: 180.0,
            empty_answer: 90.0,
            full_answer: 145.0,
        };
        // Ten polls a message: 10·180 + 9.05·90 + 0.95·145, and a message in 20 has a comma before it.
        let overhead = bytes.overhead_per_message(&polls.predict(), arrivals);
        assert!((overhead - 2752.4).abs() < 0.5, "{overhead}");
        let all = bytes.per_message(104.0, &polls.predict(), arrivals);
        assert!((all - overhead - 104.05).abs() < 0.01, "{all}");
    }

    #[test]
    fn frames_grow_with_the_payload() {
        assert_eq!(websocket_header(125, false), 2);
        assert_eq!(websocket_header(126, false), 4);
        assert_eq!(websocket_header(65_535, true), 8);
        assert_eq!(websocket_header(65_536, false), 10);
    }

    #[test]
    fn the_example_message_in_its_wrappings() {
        let message =
            r#"{"id":"7f3a-18","at":1769000000123456,"from":{"id":1,"name":"路人甲","image":1},"text":"hello world"}"#;
        let cursor = "7f3a-18".len();
        let event = format!("id: 7f3a-18\ndata: {message}\n\n");
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        assert_eq!(event_overhead(message.len(), cursor), chunk.len() - message.len());
        let batch = format!(r#"{{"next":"7f3a-18","messages":[{message}]}}"#);
        assert_eq!(batch_envelope(cursor), batch.len() - message.len());
    }

    #[test]
    fn ten_thousand_clients_a_minute_are_a_megabit() {
        // Grigorik, High Performance Browser Networking: 850 bytes, 60 s.
        let bits = polling_bits_per_s(10_000.0, 60.0, 850.0);
        assert!((bits / 1e6 - 1.13).abs() < 0.005);
    }
}
