//! Falling back: a listener that takes the next transport when one does not work, and climbs back when it does.
//!
//! It is the ladder of the chat page (`server/page/ladder.js`). Every rung starts from the same cursor, so nothing is lost between two of
//! them, and what both bring while one is left for the other is heard once. A rung is given so long to open; one that opens and soon
//! ends has not worked either, or a listener behind something that cuts would come back to it for ever.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::{End, Listener};
use crate::load::recorder::Failure;
use crate::load::walk::Step;
use crate::protocol::Transport;
use crate::results::{Begin, LadderKnobs, Why};

/// A rung that was in use for so much of the time that it may take to open did work: its end is a new trouble.
const LASTED: f64 = 0.5;

/// Told by a rung when it has opened.
#[derive(Debug, Default)]
pub(super) struct Opened {
    has: Cell<bool>,
    told: Notify,
}

impl Opened {
    /// It has.
    pub(super) fn open(&self) {
        if !self.has.replace(true) {
            self.told.notify_one();
        }
    }
}

/// A rung that is being tried, or is in use.
struct Attempt {
    rung: Transport,
    is_climb: bool,
    /// When it was tried, and then when it had opened.
    since: Instant,
    /// Where its step is noted, once it has opened.
    noted: usize,
    /// Listens by it until something ends it.
    ends: Pin<Box<dyn Future<Output = End>>>,
    opened: Rc<Opened>,
}

/// A listener on its ladder.
struct Walker {
    listener: Listener,
    rungs: &'static [Transport],
    /// Looks upwards in vain, since something that had lasted ended.
    in_vain: u32,
}

/// Listens for ever, by whatever rung works.
pub(super) async fn walk(listener: Listener) -> Infallible {
    let rungs = LadderKnobs::rungs(listener.transport);
    let mut walker = Walker {
        listener,
        rungs,
        in_vain: 0,
    };
    let mut from = 0;
    loop {
        let Some(attempt) = walker.descend(from).await else {
            from = 0;
            walker.listener.pause().await;
            continue;
        };
        let ended = walker.stay(attempt).await;
        let below = walker.place(ended.rung) + 1;
        if walker.has_lasted(&ended) {
            walker.in_vain = 0;
            walker.listener.setbacks = 0;
            from = 0;
            walker.listener.pause().await;
        } else {
            walker.in_vain = walker.in_vain.saturating_add(u32::from(ended.is_climb));
            // Below the last one there is only the first again.
            from = below % rungs.len();
            if from == 0 {
                walker.listener.pause().await;
            }
        }
    }
}

impl Walker {
    /// Tries the rungs from this one on, in the order in which the listener begins; `None` when none opens.
    async fn descend(&mut self, from: usize) -> Option<Attempt> {
        let mut order: Vec<Transport> = self.rungs[from..].to_vec();
        if self.knobs().begins == Begin::Bottom {
            order.reverse();
        }
        for rung in order {
            match self.try_rung(rung, false).await {
                Ok(attempt) => return Some(attempt),
                // With the server gone every rung would fail, and none of them would be to blame.
                Err(Why::Unreachable) => return None,
                Err(_) => {}
            }
        }
        None
    }

    /// Tries one rung; gives why it did not open.
    async fn try_rung(&mut self, rung: Transport, is_climb: bool) -> Result<Attempt, Why> {
        let mut attempt = Attempt::new(&self.listener, rung, is_climb);
        let within = self.knobs().open_within;
        let failed = if self.lacks(rung) {
            Some(Why::Lacking)
        } else {
            tokio::select! {
                biased;
                end = &mut attempt.ends => Some(self.why(end)),
                () = attempt.opened.told.notified() => None,
                () = self.listener.bench.timer.sleep(within) => Some(Why::Silent),
            }
        };
        let at = std::mem::replace(&mut attempt.since, Instant::now());
        let mut recorder = self.listener.bench.recorder.borrow_mut();
        attempt.noted = recorder.steps.len();
        let step = Step {
            transport: rung,
            at,
            until: attempt.since,
            is_climb,
            failed,
            left: None,
        };
        recorder.steps.push((self.listener.standing.who.number, step));
        failed.map_or(Ok(attempt), Err)
    }

    /// Listens by this rung, and by any better one that it finds meanwhile, until the one in use ends; gives that one.
    async fn stay(&mut self, mut in_use: Attempt) -> Attempt {
        // Whoever begins at the bottom looks upwards at once.
        let mut wait = match (self.knobs().begins, self.in_vain) {
            (Begin::Bottom, 0) => Duration::ZERO,
            _ => self.climb_wait(),
        };
        loop {
            let above = self.place(in_use.rung);
            let timer = self.listener.bench.timer.clone();
            let look = async {
                if above == 0 {
                    std::future::pending::<()>().await;
                }
                timer.sleep(wait).await;
                self.climb(above).await
            };
            let found = tokio::select! {
                biased;
                end = &mut in_use.ends => Err(end),
                better = look => Ok(better),
            };
            match found {
                Err(end) => {
                    let why = self.why(end);
                    self.left(&in_use, Instant::now(), Some(why));
                    return in_use;
                }
                Ok(Some(better)) => {
                    // Let go only now: the better one has started from the cursor, too.
                    self.left(&in_use, better.since, None);
                    in_use = better;
                }
                Ok(None) => self.in_vain = self.in_vain.saturating_add(1),
            }
            wait = self.climb_wait();
        }
    }

    /// The first of the rungs above that opens; none when none does.
    async fn climb(&mut self, above: usize) -> Option<Attempt> {
        for rung in &self.rungs[..above] {
            // Those that are not there will not come; the way down has told of them.
            if self.lacks(*rung) {
                continue;
            }
            match self.try_rung(*rung, true).await {
                Ok(attempt) => return Some(attempt),
                Err(Why::Unreachable) => return None,
                Err(_) => {}
            }
        }
        None
    }

    /// How long until it looks upwards; a part of it is left to chance, as all that fell together would climb together.
    fn climb_wait(&self) -> Duration {
        let wait = self.knobs().climb_wait(self.in_vain);
        let jitter = self.listener.bench.scenario.reconnect.jitter.0;
        wait.mul_f64(1.0 - jitter * self.listener.chance())
    }

    /// Whether its time in use was long enough to say that it works.
    fn has_lasted(&self, attempt: &Attempt) -> bool {
        attempt.since.elapsed() >= self.knobs().open_within.mul_f64(LASTED)
    }

    /// What an end means for the rung. A server that is not there, and what the contract does not allow, are failures of the run as well.
    fn why(&mut self, end: End) -> Why {
        let now = Instant::now();
        match end {
            End::Failed(Failure::Connect | Failure::Unexpected) => self.listener.ended(end, now),
            _ => self.listener.notices(now),
        }
        match end {
            End::Refused(status) => Why::Refused(status.as_u16()),
            End::Failed(Failure::Connect) => Why::Unreachable,
            End::Failed(Failure::Broken) | End::Idle => Why::Cut,
            End::Failed(Failure::TimedOut) => Why::Silent,
            End::Failed(Failure::Unexpected) => Why::Unexpected,
        }
    }

    fn lacks(&self, rung: Transport) -> bool {
        self.knobs().lacks.contains(&rung)
    }

    fn place(&self, rung: Transport) -> usize {
        self.rungs.iter().position(|other| *other == rung).unwrap_or(0)
    }

    fn knobs(&self) -> &LadderKnobs {
        &self.listener.bench.scenario.ladder
    }

    /// Notes that a rung is not in use any more.
    fn left(&self, attempt: &Attempt, at: Instant, why: Option<Why>) {
        let mut recorder = self.listener.bench.recorder.borrow_mut();
        recorder.steps[attempt.noted].1.left = Some((at, why));
    }
}

impl Attempt {
    /// Begins to listen by this rung, with what was heard so far.
    fn new(of: &Listener, rung: Transport, is_climb: bool) -> Attempt {
        let opened = Rc::new(Opened::default());
        let mut listener = Listener {
            bench: Rc::clone(&of.bench),
            transport: rung,
            cursor: of.standing.heard.get(),
            place_in_nchan: of.place_in_nchan.clone(),
            cookie: of.cookie.clone(),
            is_proven: false,
            setbacks: 0,
            standing: Rc::clone(&of.standing),
            attempt: Some(Rc::clone(&opened)),
            recording: None,
        };
        Attempt {
            rung,
            is_climb,
            since: Instant::now(),
            noted: 0,
            opened,
            ends: Box::pin(async move {
                loop {
                    // A kept connection that the server has closed is opened again: that is the rung's own business.
                    match listener.attend().await {
                        End::Idle => {}
                        end => return end,
                    }
                }
            }),
        }
    }
}
