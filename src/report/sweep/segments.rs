//! How many segments a listener should get for a message: one for each answer, frame and heartbeat, and more where one is longer than a segment.

use crate::model::Prediction;
use crate::protocol::Transport;
use crate::report::prediction::Inputs;

/// What one segment carries on Linux's loopback: 65,536 bytes, less the headers of IPv4 and TCP with its timestamps, and one.
const CARRIED_BYTES: f64 = 65_483.0;
/// How often a stream of events gets a comment, and a WebSocket a ping.
const COMMENT_S: f64 = 15.0;
const PING_S: f64 = 30.0;

/// For one message that a listener hears; `None` where it hears none.
pub(super) fn per_delivery(prediction: &Prediction, inputs: &Inputs) -> Option<f64> {
    let message = inputs.message_bytes?;
    let per_delivery = match inputs.transport {
        Transport::Poll | Transport::LongPoll => {
            let full = between(prediction.messages_per_full_answer, |messages| {
                inputs.sizes.full_answer + messages * message
            });
            let heard_per_s = prediction.full_per_s() * prediction.messages_per_full_answer;
            (prediction.empty_per_s() + prediction.full_per_s() * full) / heard_per_s
        }
        Transport::Events => pieces(message) + beats(inputs, COMMENT_S),
        Transport::Websocket => pieces(message) + beats(inputs, PING_S),
    };
    Some(per_delivery).filter(|segments| segments.is_finite())
}

/// Segments of so many bytes.
fn pieces(bytes: f64) -> f64 {
    (bytes / CARRIED_BYTES).ceil()
}

/// Segments of an answer that has so many messages on average: some have one more than others.
fn between(messages: f64, bytes: impl Fn(f64) -> f64) -> f64 {
    let (fewer, more) = (messages.floor(), messages.ceil());
    let share = messages - fewer;
    (1.0 - share) * pieces(bytes(fewer)) + share * pieces(bytes(more))
}

/// Heartbeats of the window for each of its messages. A stream is opened right before the warm-up, and counts from there.
fn beats(inputs: &Inputs, every_s: f64) -> f64 {
    let until = |s: f64| (s / every_s).floor();
    let in_window = until(inputs.warm_up_s + inputs.round_s) - until(inputs.warm_up_s);
    in_window / (inputs.arrivals.rate_per_s() * inputs.round_s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::entry::entries;
    use crate::report::fixture;

    /// What the model is told of a transport of the fixture's run.
    fn inputs(transport: usize) -> Inputs {
        let results = fixture::four_ways();
        Inputs::of(&entries(0, &results)[transport], &results).unwrap()
    }

    fn of(inputs: &Inputs) -> f64 {
        per_delivery(&inputs.average().unwrap(), inputs).unwrap()
    }

    #[test]
    fn a_stream_has_a_segment_for_a_message_and_some_for_its_heartbeats() {
        let mut events = inputs(2);
        (events.warm_up_s, events.round_s) = (5.0, 20.0);
        events.arrivals = crate::model::Arrivals::Poisson { rate_per_s: 0.2 };
        // Of 25 seconds the fifteenth has a comment: it and four messages.
        assert!((of(&events) - 1.25).abs() < 1e-9);
        let push = Inputs {
            transport: Transport::Websocket,
            ..events.clone()
        };
        assert!((of(&push) - 1.0).abs() < 1e-9, "the first ping is after 30 s");
        let long = Inputs {
            message_bytes: Some(65_632.0),
            ..push
        };
        assert!((of(&long) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_poll_has_a_segment_for_each_answer() {
        let poll = inputs(0);
        let prediction = poll.average().unwrap();
        let answers = prediction.requests_per_s / poll.arrivals.rate_per_s();
        assert!((of(&poll) - answers).abs() < 0.05 * answers, "{} {answers}", of(&poll));
        // Three messages of nearly a segment each take three, two of them two.
        assert!((between(2.5, |messages| messages * 65_000.0) - 2.5).abs() < 1e-9);
    }
}
