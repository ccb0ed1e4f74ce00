use super::{Delay, Exchange, Prediction};

/// An event stream or WebSocket that ends now and then and comes back with its cursor.
///
/// It lives X, then is away for G = retry + 2d + s + c + h, like a long poll whose hold no message ends. Messages while it
/// lives take s + d. Of all messages G/(X + G) come while it is away and wait for its return, evenly up to G: mean s + d +
/// G²/(2(X + G)), maximum s + d + G. For an `EventSource` it is the browser's retry of a few seconds, not the network, that
/// sets the maximum (WHATWG HTML, section 9.2.3: a `retry:` from the server changes it).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stream {
    /// X: how long a stream lives; infinite where nothing ends it.
    pub life_s: f64,
    /// How long the listener waits before it comes back.
    pub retry_s: f64,
    /// What coming back takes; its service time is also what a message takes to be written.
    pub exchange: Exchange,
}

impl Stream {
    /// G: from the end of a stream to the arrival of the request for the next.
    pub fn away_s(&self) -> f64 {
        self.retry_s + self.exchange.gap_s()
    }

    /// What one listener should hear, however the messages are spread.
    pub fn predict(&self) -> Prediction {
        let away_s = self.away_s();
        let direct_s = self.exchange.answer_s();
        let away_share = if away_s == 0.0 {
            0.0
        } else {
            away_s / (self.life_s + away_s)
        };
        Prediction {
            delay: Delay::fixed(direct_s).or(away_share, Delay::even(direct_s, direct_s + away_s)),
            requests_per_s: 1.0 / (self.life_s + away_s),
            empty_share: 0.0,
            messages_per_full_answer: 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: Stream = Stream {
        life_s: 60.0,
        retry_s: 3.0,
        exchange: Exchange {
            one_way_s: 0.05,
            service_s: 0.0,
            client_s: 0.0,
            connection: crate::model::Connection::Kept,
        },
    };

    #[test]
    fn the_retry_sets_the_maximum() {
        let delay = STREAM.predict().delay;
        assert!((delay.max_s() - 3.15).abs() < 1e-12);
        assert!((delay.mean_s() - (0.05 + 3.1 * 3.1 / (2.0 * 63.1))).abs() < 1e-12);
    }

    #[test]
    fn one_that_never_ends_has_one_transit() {
        let endless = Stream {
            life_s: f64::INFINITY,
            ..STREAM
        };
        let prediction = endless.predict();
        assert_eq!(prediction.delay, Delay::fixed(0.05));
        assert_eq!(prediction.requests_per_s, 0.0);
    }
}
