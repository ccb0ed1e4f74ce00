//! What one very schedule of messages leads to, followed message by message.
//!
//! The closed forms beside this folder speak of a *feed of a rate*: they average over all schedules that such a feed could
//! have had. A run has one schedule, and on a hundred messages it may be far from that average: a few that happen to come
//! close together already save long polls many requests. Here chance is left out: given the instants at which the server
//! accepted the messages, cycles and delays follow from the same assumptions without any probability (but for the phases of
//! short polls, which are averaged over exactly).

mod drawn;
mod fan_out;
mod long_poll;
mod short_poll;
mod sleeping_server;

/// The instants at which a feed had its messages, and the window that counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan<'a> {
    /// When the server accepted each message, rising. Those before the window count for what they leave behind.
    pub messages_s: &'a [f64],
    /// Where the window begins.
    pub from_s: f64,
    /// Where it ends.
    pub to_s: f64,
}

/// A message reaches listeners one after the other; so many of them, evenly spread, stand for all.
const TURNS: u32 = 16;

impl Plan<'_> {
    /// The length of the window.
    pub fn window_s(&self) -> f64 {
        self.to_s - self.from_s
    }

    /// Messages a second within the window.
    pub fn rate_per_s(&self) -> f64 {
        self.counted().len() as f64 / self.window_s()
    }

    /// The messages of the window.
    fn counted(&self) -> &[f64] {
        let before = |end_s: f64| self.messages_s.partition_point(|at_s| *at_s < end_s);
        &self.messages_s[before(self.from_s)..before(self.to_s)]
    }

    fn counts(&self, at_s: f64) -> bool {
        (self.from_s..self.to_s).contains(&at_s)
    }
}

/// Where those who stand for all have their turns within a span that begins at nothing: one in each of equal parts. Where in
/// its part changes from message to message, by the golden ratio, so that many messages see all of the span.
fn turns(span_s: f64, message: usize) -> impl Iterator<Item = f64> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let number = if span_s > 0.0 { TURNS } else { 1 };
    let within = (0.5 + message as f64 * GOLDEN).fract();
    (0..number).map(move |turn| (f64::from(turn) + within) / f64::from(number) * span_s)
}
