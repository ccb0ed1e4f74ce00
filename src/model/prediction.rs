use super::Delay;

/// What a listener of one transport should see and do, per listener.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// How late messages are.
    pub delay: Delay,
    /// Requests a second; 0 for a stream that never ends.
    pub requests_per_s: f64,
    /// The share of requests, 0 to 1, answered without a message; 0 for a stream.
    pub empty_share: f64,
    /// Messages in an answer that has any; 1 for a stream, whose every message has a frame of its own.
    pub messages_per_full_answer: f64,
}

impl Prediction {
    /// From one request to the next; infinite for a stream that never ends.
    pub fn cycle_s(&self) -> f64 {
        1.0 / self.requests_per_s
    }

    /// Answers a second without a message.
    pub fn empty_per_s(&self) -> f64 {
        self.requests_per_s * self.empty_share
    }

    /// Answers a second with at least one message; 0 for a stream.
    pub fn full_per_s(&self) -> f64 {
        self.requests_per_s * (1.0 - self.empty_share)
    }
}
