//! Short polling by a timer that does not look whether the last answer has come: what `setInterval` does by itself.

use std::time::Instant;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hyper::header::HeaderValue;

use super::http::{Answered, Http, Question};
use super::poll::{Kind, question, take, wait_for_turn};
use super::{Attendance, Bench, End, Listener};
use crate::load::recorder::Failure;
use crate::load::tap::SharedRecording;

/// What comes back from a request: its connection, to be used again, and the answer.
type Asked = Result<(Http, Answered), End>;

/// Asks at every tick, over a further connection while the others are busy. The cursor stands still until an answer is there.
pub(super) async fn attend(listener: &mut Listener) -> Attendance {
    let bench = listener.bench.clone();
    let phase = listener.standing.who.phase;
    // A recording is of one connection after the other: of the several here it keeps the first.
    let recording = listener.recording.clone();
    // The first answer says that this listener is there; the ticks begin after it.
    let cookie = listener.cookie.clone();
    let first = asked(
        &bench,
        cookie.clone(),
        None,
        question(listener, Kind::Short),
        recording.as_ref(),
    )
    .await?;
    let mut free = vec![taken(listener, first)?];
    let mut asking = FuturesUnordered::new();
    let mut turn = Box::pin(wait_for_turn(&bench, phase, false));
    loop {
        tokio::select! {
            () = &mut turn => {
                turn.set(wait_for_turn(&bench, phase, false));
                asking.push(asked(&bench, cookie.clone(), free.pop(), question(listener, Kind::Short), None));
            }
            Some(answered) = asking.next() => free.push(taken(listener, answered?)?),
        }
    }
}

/// Asks over this connection, or over a new one where there is none or the server has closed it meanwhile.
async fn asked(
    bench: &Bench,
    cookie: Option<HeaderValue>,
    free: Option<Http>,
    question: Question,
    recording: Option<&SharedRecording>,
) -> Asked {
    let open = || Http::over(bench, cookie.clone(), recording);
    let mut http = match free {
        Some(http) => http,
        None => open().await?,
    };
    if let Err(End::Idle) = http.ready().await {
        http = open().await?;
        http.ready().await?;
    }
    bench.recorder.borrow_mut().request(Instant::now());
    let answered = bench.timer.within(bench.patience(), http.ask(&question)).await;
    let answered = answered.map_err(|_| Failure::TimedOut)??;
    Ok((http, answered))
}

/// Takes in what an answer brought; gives its connection back.
fn taken(listener: &mut Listener, (http, answered): (Http, Answered)) -> Result<Http, End> {
    take(listener, Kind::Short, &answered, http.arrived())?;
    Ok(http)
}
