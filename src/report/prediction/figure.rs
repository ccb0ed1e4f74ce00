//! The figures that are both measured and predicted.

use super::Inputs;
use super::inputs::event_lines;
use crate::model::bytes::{batch_envelope, event_overhead, websocket_header};
use crate::model::{Arrivals, Prediction};
use crate::protocol::Transport;
use crate::report::entry::Entry;
use crate::report::number::{bytes, count, figure, milliseconds, percent};

/// A figure that has a measured and a predicted value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Requests of all listeners in the window.
    Requests,
    /// The share of answers without a message.
    EmptyShare,
    /// Messages in an answer that has any.
    PerAnswer,
    /// Milliseconds from the server's `at` to the listener: the mean.
    Mean,
    /// The same: p50.
    Half,
    /// The same: p99.
    Most,
    /// The same: the longest.
    Longest,
    /// Bytes to the server per delivery.
    BytesOut,
    /// Bytes to the listener per delivery.
    BytesIn,
}

impl Figure {
    /// All, in the order of the table.
    pub(crate) const ALL: [Figure; 9] = [
        Figure::Requests,
        Figure::EmptyShare,
        Figure::PerAnswer,
        Figure::Mean,
        Figure::Half,
        Figure::Most,
        Figure::Longest,
        Figure::BytesOut,
        Figure::BytesIn,
    ];

    /// What a table calls it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Figure::Requests => "requests, all listeners",
            Figure::EmptyShare => "share of empty answers",
            Figure::PerAnswer => "messages per full answer",
            Figure::Mean => "delay, mean",
            Figure::Half => "delay, p50",
            Figure::Most => "delay, p99",
            Figure::Longest => "delay, max",
            Figure::BytesOut => "bytes to the server",
            Figure::BytesIn => "bytes to the listener",
        }
    }

    /// Whether it means something for this transport: a stream asks for nothing.
    pub(crate) fn is_of(self, transport: Transport) -> bool {
        let polls = matches!(transport, Transport::Poll | Transport::LongPoll);
        polls || !matches!(self, Figure::EmptyShare | Figure::PerAnswer | Figure::BytesOut)
    }

    /// Whether it is a time.
    pub(crate) fn is_delay(self) -> bool {
        matches!(self, Figure::Mean | Figure::Half | Figure::Most | Figure::Longest)
    }

    /// What the run gave.
    pub(crate) fn measured(self, entry: &Entry) -> Option<f64> {
        let (run, answers) = (&entry.run, &entry.run.counts.answers);
        match self {
            Figure::Requests => Some(run.counts.requests as f64),
            Figure::EmptyShare => entry.empty_share(),
            Figure::PerAnswer => {
                (answers.with_messages > 0).then(|| run.counts.deliveries as f64 / answers.with_messages as f64)
            }
            Figure::Mean => run.server_delay.mean_ms(),
            Figure::Half => run.server_delay.quantile_ms(0.5),
            Figure::Most => run.server_delay.quantile_ms(0.99),
            Figure::Longest => run.server_delay.max_ms(),
            Figure::BytesOut => entry.bytes_out(),
            Figure::BytesIn => entry.bytes_in(),
        }
    }

    /// What the model gives; `None` where it has no answer: a delivery's cost on a feed without messages.
    pub(crate) fn predicted(self, prediction: &Prediction, inputs: &Inputs) -> Option<f64> {
        let ms = |seconds: f64| Some(seconds * 1000.0);
        match self {
            Figure::Requests => Some(prediction.requests_per_s * inputs.listeners * inputs.window_s),
            Figure::EmptyShare => Some(prediction.empty_share),
            Figure::PerAnswer => Some(prediction.messages_per_full_answer),
            _ if inputs.arrivals.rate_per_s() == 0.0 => None,
            Figure::Mean => ms(prediction.delay.mean_s()),
            Figure::Half => ms(prediction.delay.quantile_s(0.5)),
            Figure::Most => ms(prediction.delay.quantile_s(0.99)),
            Figure::Longest => ms(prediction.delay.max_s()),
            Figure::BytesOut => bytes_out(prediction, inputs),
            Figure::BytesIn => bytes_in(prediction, inputs),
        }
    }

    /// Bytes of heads and frames for each message that a listener hears: no figure of a run's table, but a curve over the length of a message.
    pub(crate) fn heads(prediction: &Prediction, inputs: &Inputs) -> Option<f64> {
        let whole = inputs.message_bytes?.round() as usize;
        let heads = match inputs.transport {
            Transport::Poll | Transport::LongPoll => {
                exchange_heads(prediction, inputs) * prediction.requests_per_s / heard(prediction).rate_per_s()
            }
            Transport::Events => event_overhead(whole, inputs.cursor_bytes) as f64 - event_lines(inputs.cursor_bytes),
            Transport::Websocket => websocket_header(whole, false) as f64,
        };
        Some(heads).filter(|heads| heads.is_finite())
    }

    /// The number as people read it.
    pub(crate) fn write(self, value: f64) -> String {
        match self {
            Figure::Requests => count(value.round() as u64),
            Figure::EmptyShare => percent(value.clamp(0.0, 1.0)),
            Figure::PerAnswer => figure(value),
            Figure::BytesOut | Figure::BytesIn => bytes(value),
            _ => milliseconds(value),
        }
    }
}

/// Bytes of a request's head and its answer's: an empty answer is its head, another one has a body.
pub(super) fn exchange_heads(prediction: &Prediction, inputs: &Inputs) -> f64 {
    let (sizes, empty) = (inputs.sizes, prediction.empty_share);
    let full_head = sizes.full_answer - batch_envelope(inputs.cursor_bytes) as f64;
    sizes.request + empty * sizes.empty_answer + (1.0 - empty) * full_head
}

/// For each message that a listener hears in the window: at its ends these are not quite those that were accepted in it.
fn bytes_out(prediction: &Prediction, inputs: &Inputs) -> Option<f64> {
    let out = inputs.sizes.request * prediction.requests_per_s / heard(prediction).rate_per_s();
    Some(out).filter(|out| out.is_finite())
}

/// Messages that a listener hears in its answers.
fn heard(prediction: &Prediction) -> Arrivals {
    Arrivals::Poisson {
        rate_per_s: prediction.full_per_s() * prediction.messages_per_full_answer,
    }
}

fn bytes_in(prediction: &Prediction, inputs: &Inputs) -> Option<f64> {
    let message = inputs.message_bytes?;
    let whole = message.round() as usize;
    Some(match inputs.transport {
        Transport::Poll | Transport::LongPoll => {
            inputs.sizes.per_message(message, prediction, heard(prediction)) - bytes_out(prediction, inputs)?
        }
        Transport::Events => message + event_overhead(whole, inputs.cursor_bytes) as f64,
        Transport::Websocket => message + websocket_header(whole, false) as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_wraps_a_message_as_the_model_has_it() {
        let overhead = event_overhead(151, 12) as f64;
        // The lines, three hexadecimal digits of no more than 4,095 bytes, and two line ends.
        assert_eq!(overhead, event_lines(12) + 2.0 + 4.0);
    }
}
