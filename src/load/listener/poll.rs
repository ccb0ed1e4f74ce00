//! Short and long polling: the same loop. Only the waiting differs: the listener's own timer, or the server's hold.

use std::time::{Duration, Instant};

use hyper::StatusCode;

use super::http::{Answered, Http, Question};
use super::{Attendance, Bench, End, Listener, nchan};
use crate::load::heard::Batch;
use crate::load::recorder::{Answer, Failure};
use crate::results::{Dialect, PollPhase, PollTimer};

/// The most messages that the contract lets a batch have: a busy feed is then asked as rarely as it can be.
const LIMIT: usize = 1000;

/// Who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The listener, between its requests.
    Short,
    /// The server, before its answer.
    Long,
}

/// What to do after an answer.
pub(super) enum Next {
    /// Wait for one's turn.
    Turn,
    /// Ask again at once: there may be more.
    AtOnce,
    /// Ask again after a pause: nothing was gained.
    Pause,
}

/// Polls over one connection, or over one for each request.
pub(super) async fn attend(listener: &mut Listener, kind: Kind) -> Attendance {
    let bench = listener.bench.clone();
    if kind == Kind::Short && bench.scenario.poll_timer == PollTimer::Unguarded {
        return super::unguarded::attend(listener).await;
    }
    let mut http = Http::open(listener).await?;
    // The first request goes at once: whoever comes (back) wants to know now. The turns begin after it.
    let mut is_first = !listener.standing.is_ready.get();
    loop {
        let question = question(listener, kind);
        http.ready().await?;
        bench.recorder.borrow_mut().request(Instant::now());
        let patience = match kind {
            Kind::Short => bench.patience(),
            Kind::Long => bench.patience() + bench.scenario.long_poll_timeout,
        };
        let answered = bench.timer.within(patience, http.ask(&question)).await;
        let answered = answered.map_err(|_| Failure::TimedOut)??;
        match take(listener, kind, &answered, http.arrived())? {
            Next::Turn if kind == Kind::Short => {
                http.idle(wait_for_turn(&bench, listener.standing.who.phase, is_first))
                    .await
            }
            Next::Turn | Next::AtOnce => {}
            Next::Pause => http.idle(listener.pause()).await,
        }
        is_first = false;
        if !bench.scenario.http_keep_alive {
            http = Http::open(listener).await?;
        }
    }
}

/// What a poll asks, as the server is spoken to.
pub(super) fn question(listener: &Listener, kind: Kind) -> Question {
    if listener.bench.peer.dialect == Dialect::Nchan {
        return nchan::question(listener, kind);
    }
    let after = listener.cursor;
    Question::from(match kind {
        Kind::Short => format!("/talkplace/poll?after={after}&limit={LIMIT}"),
        Kind::Long => {
            // The first one is not held: its answer says that this listener is there, before the run begins or after it was cut off.
            let timeout = listener.bench.scenario.long_poll_timeout;
            let timeout_ms = if listener.is_proven { timeout.as_millis() } else { 0 };
            format!("/talkplace/long-poll?after={after}&timeout={timeout_ms}ms&limit={LIMIT}")
        }
    })
}

/// Counts an answer and what it carries.
pub(super) fn take(listener: &mut Listener, kind: Kind, answered: &Answered, now: Instant) -> Result<Next, End> {
    if listener.bench.peer.dialect == Dialect::Nchan {
        return nchan::take(listener, kind, answered, now);
    }
    let body = &answered.body;
    let count = |listener: &Listener, answer| listener.bench.recorder.borrow_mut().answer(answer, now);
    match answered.status {
        StatusCode::OK => {
            let batch: Batch = serde_json::from_slice(body).map_err(|_| Failure::Unexpected)?;
            let next = batch.next.parse().map_err(|_| Failure::Unexpected)?;
            let answer = match batch.messages.len() {
                0 => Answer::Empty,
                _ => Answer::WithMessages,
            };
            count(listener, answer);
            listener.served(now);
            for heard in &batch.messages {
                listener.hear(heard, now)?;
            }
            listener.cursor = next;
            Ok(if batch.messages.len() < LIMIT {
                Next::Turn
            } else {
                Next::AtOnce
            })
        }
        StatusCode::NO_CONTENT => {
            count(listener, Answer::Empty);
            listener.served(now);
            Ok(Next::Turn)
        }
        StatusCode::GONE => {
            listener.refused(answered.status, now);
            listener.gone(body)?;
            Ok(Next::Pause)
        }
        // Somebody in between has lost patience: the server is well, so it is asked again, with the same cursor.
        StatusCode::GATEWAY_TIMEOUT => {
            listener.refused(answered.status, now);
            listener.setbacks = 0;
            Ok(Next::Pause)
        }
        refused if refused.is_client_error() || refused.is_server_error() => {
            listener.refused(refused, now);
            Err(End::Refused(refused))
        }
        _ => Err(Failure::Unexpected.into()),
    }
}

/// Nobody's turn comes before the run begins: what the server does until then is what idle listeners cost it.
pub(super) async fn wait_for_turn(bench: &Bench, phase: f64, is_first: bool) {
    bench.plan.clock.started().await;
    let interval = bench.scenario.poll_interval;
    let now = Instant::now();
    // All at once means at the same instant on every thread, so their ticks are counted from the start that they share.
    let (began, phase) = match bench.scenario.poll_phase {
        PollPhase::Random => (bench.began, phase),
        PollPhase::Aligned => (bench.plan.clock.start().unwrap_or(bench.began), 0.0),
    };
    let due = match bench.scenario.poll_timer {
        PollTimer::Fixed | PollTimer::Unguarded => next_tick(began, interval, phase, now),
        PollTimer::AfterAnswer if is_first => began.max(now) + (interval + exchange(bench)).mul_f64(phase),
        PollTimer::AfterAnswer => now + interval,
    };
    bench.timer.sleep_until(due).await;
}

/// What a question and its answer take on the link: who waits for the answer before the next question has this in every turn, so that the
/// turns of listeners who are apart are spread over it, too.
fn exchange(bench: &Bench) -> Duration {
    let handshakes = if bench.scenario.http_keep_alive { 0 } else { 1 };
    bench.scenario.rtt * (1 + handshakes)
}

/// The first instant of `began + (n + phase) · interval` after `now`. Those that passed while the last answer was missing are left out.
fn next_tick(began: Instant, interval: Duration, phase: f64, now: Instant) -> Instant {
    let first = began + interval.mul_f64(phase);
    let Some(since) = now.checked_duration_since(first) else {
        return first;
    };
    let interval_ns = interval.as_nanos().max(1);
    let left_ns = interval_ns - since.as_nanos() % interval_ns;
    now + Duration::from_nanos(left_ns as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_keep_their_grid_and_pass_over_those_that_are_late() {
        let began = Instant::now();
        let ms = |ms| began + Duration::from_millis(ms);
        let tick = |now| next_tick(began, Duration::from_millis(100), 0.25, now);
        assert_eq!(tick(ms(0)), ms(25));
        assert_eq!(tick(ms(25)), ms(125));
        assert_eq!(tick(ms(26)), ms(125));
        assert_eq!(tick(ms(124)), ms(125));
        assert_eq!(tick(ms(470)), ms(525));
    }
}
