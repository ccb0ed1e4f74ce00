//! The model beside the measurement: what theory says that each transport should have done in this very run.
//!
//! Knobs say what was asked for; what a request took, how large it was and how many messages there really were is taken
//! from the run itself ([`Inputs`]). The model then says two things: what such a *feed of this rate* does on average, and
//! what *this very schedule* of messages leads to, without the chance that a hundred messages are full of.

mod chance;
mod figure;
mod inputs;
mod judged;
mod published;
mod table;
mod transits;
mod verdict;

pub(crate) use figure::Figure;
pub(crate) use inputs::Inputs;
pub(crate) use judged::{Explained, judge};
pub(crate) use published::published;
pub(crate) use table::{inputs_table, prediction_table};
pub(crate) use transits::{Transits, transits};
pub(crate) use verdict::{Reason, reasons, verdicts};

use super::entry::Entry;
use super::finding::ladder::is_mixed;
use crate::model::queue::in_phase_mean_s;
use crate::model::saturation::LongPollHerd;
use crate::model::{Arrivals, FanOut, LongPoll, Plan, PollTimer, Prediction, ShortPoll, SleepingServer};
use crate::protocol::Transport;
use crate::results::Results;

/// A herd's turns of less than this are not worth a model of their own.
const SHORT_TURN_S: f64 = 0.001;

/// What the model says about one entry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Predicted {
    /// What it was told.
    pub(crate) inputs: Inputs,
    /// On average over all feeds of this rate; `None` where there is no such average (fan-out past its knee).
    pub(crate) feed: Option<Prediction>,
    /// Of the messages at the instants at which they were accepted; `None` where these are not known, or nobody can follow them.
    pub(crate) schedule: Option<Prediction>,
    /// What chance does to the figures of each.
    pub(crate) chance: chance::Chance,
}

impl Predicted {
    /// What the model says about this entry; `None` of an entry that measured nothing, several transports at once, or a
    /// server that was restarted.
    pub(crate) fn of(entry: &Entry, results: &Results) -> Option<Self> {
        // It knows of no listener that changes its transport, and of no server that goes away.
        let is_known = !is_mixed(entry) && entry.run.restart.is_none();
        let inputs = Inputs::of(entry, results).filter(|_| is_known)?;
        let plan = inputs.plan(&entry.run.timeline.messages_s);
        let schedule = plan.and_then(|plan| inputs.follow(&plan));
        let chance = chance::Chance::of(&inputs, schedule.as_ref(), plan.as_ref());
        Some(Predicted {
            feed: inputs.average(),
            schedule,
            chance,
            inputs,
        })
    }

    /// The nearer of the two: of this schedule where that can be said.
    pub(crate) fn nearest(&self) -> Option<&Prediction> {
        self.schedule.as_ref().or(self.feed.as_ref())
    }

    /// What chance does to a figure of the nearer of the two.
    fn chance_of(&self, figure: Figure) -> Option<f64> {
        match self.schedule {
            Some(_) => self.chance.of_this_schedule(figure),
            None => self.chance.of_any_schedule(figure),
        }
    }

    /// A figure of the nearer of the two.
    pub(crate) fn figure(&self, figure: Figure) -> Option<f64> {
        figure.predicted(self.nearest()?, &self.inputs)
    }
}

impl Inputs {
    /// The instants of a run with its window; `None` without any.
    fn plan<'a>(&self, messages_s: &'a [f64]) -> Option<Plan<'a>> {
        let plan = Plan {
            messages_s,
            from_s: self.warm_up_s,
            to_s: self.warm_up_s + self.round_s,
        };
        (!messages_s.is_empty()).then_some(plan)
    }

    /// What a feed of this rate does on average.
    pub(crate) fn average(&self) -> Option<Prediction> {
        match self.transport {
            Transport::Poll => Some(self.short_poll().predict()),
            Transport::LongPoll => match self.sleeping_server() {
                // Where regular messages stand to the looks is no chance, and has no average.
                Some(server) => matches!(self.arrivals, Arrivals::Poisson { .. }).then(|| server.predict()),
                None if self.herd().work_s() > SHORT_TURN_S => Some(self.herd().predict()),
                None => Some(self.long_poll().predict()),
            },
            Transport::Events | Transport::Websocket => self.fan_out().predict(),
        }
    }

    /// What a very schedule leads to.
    fn follow(&self, plan: &Plan) -> Option<Prediction> {
        match self.transport {
            // One phase for all is one draw of chance, which nobody averages over; and a cursor that stands still is not followed.
            Transport::Poll if self.is_aligned || self.repeats() => None,
            Transport::Poll => Some(plan.short_poll(&self.short_poll())),
            Transport::LongPoll => match self.sleeping_server() {
                Some(server) => plan.sleeping_server(&server),
                None => plan.long_poll(&self.herd()),
            },
            Transport::Events | Transport::Websocket => Some(plan.fan_out(&self.fan_out())),
        }
    }

    /// Whether short polling's answers come later than its next request.
    fn repeats(&self) -> bool {
        self.timer == PollTimer::Unguarded && self.exchange().turnaround_s() >= self.interval_s
    }

    fn short_poll(&self) -> ShortPoll {
        let mut exchange = self.exchange();
        if self.is_aligned {
            // Whoever asks with all others is served in the middle of them, on average.
            exchange.service_s = in_phase_mean_s(self.listeners / self.workers, self.service_s);
        }
        ShortPoll {
            interval_s: self.interval_s,
            timer: self.timer,
            exchange,
            arrivals: self.arrivals,
        }
    }

    fn long_poll(&self) -> LongPoll {
        LongPoll {
            hold_s: self.hold_s,
            exchange: self.exchange(),
            arrivals: self.arrivals,
        }
    }

    fn sleeping_server(&self) -> Option<SleepingServer> {
        Some(SleepingServer {
            look_every_s: self.look_every_s?,
            hold_s: self.hold_s,
            exchange: self.exchange(),
            arrivals: self.arrivals,
        })
    }

    fn herd(&self) -> LongPollHerd {
        LongPollHerd {
            listeners: self.listeners,
            hold_s: self.hold_s,
            exchange: self.exchange(),
            workers: self.workers,
            arrivals: self.arrivals,
        }
    }

    fn fan_out(&self) -> FanOut {
        FanOut {
            listeners: self.listeners,
            write_s: self.service_s,
            workers: self.workers,
            one_way_s: self.one_way_s,
            arrivals: self.arrivals,
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod verdict_tests;
