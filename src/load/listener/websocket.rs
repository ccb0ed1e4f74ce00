//! WebSocket: one upgrade, then a frame per message.

use std::time::Instant;

use futures_util::StreamExt;
use hyper::StatusCode;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::{Attendance, End, Listener, Wire};
use crate::load::heard::Heard;
use crate::load::link::Arrival;
use crate::load::recorder::{Answer, Failure};

/// tungstenite would begin with 128 KiB; it grows for longer frames.
const READ_BUFFER: usize = 1024;
/// The close code of a feed that no longer keeps what follows the cursor.
const GONE: u16 = 4410;

/// Reads the frames of one connection.
pub(super) async fn attend(listener: &mut Listener) -> Attendance {
    let (mut frames, arrival) = open(listener).await?;
    while let Some(frame) = frames.next().await {
        let now = arrival.at();
        match frame.map_err(|error| kind(&error))? {
            Message::Text(text) => take(listener, text.as_str(), now)?,
            Message::Close(close) => return Err(closed(listener, close)),
            // A ping is answered by the next read.
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Binary(_) | Message::Frame(_) => return Err(Failure::Unexpected.into()),
        }
    }
    Err(Failure::Broken.into())
}

async fn open(listener: &mut Listener) -> Result<(WebSocketStream<Wire>, Arrival), End> {
    let bench = listener.bench.clone();
    let (wire, arrival) = bench.connect(listener.recording.as_ref()).await?;
    let url = format!("ws://{}/talkplace?after={}", bench.server, listener.cursor);
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0);
    bench.recorder.borrow_mut().request(Instant::now());
    let upgrade = client_async_with_config(url, wire, Some(config));
    // Boxed: the handshake is larger than all that a listener keeps after it.
    let upgraded = bench.timer.within(bench.patience(), Box::pin(upgrade)).await;
    match upgraded.map_err(|_| Failure::TimedOut)? {
        Ok((frames, _)) => {
            bench.recorder.borrow_mut().answer(Answer::Opened, Instant::now());
            listener.served(arrival.at());
            Ok((frames, arrival))
        }
        Err(Error::Http(answer)) if answer.status().is_client_error() || answer.status().is_server_error() => {
            bench.recorder.borrow_mut().answer(Answer::Refused, Instant::now());
            Err(End::Refused(answer.status()))
        }
        Err(Error::Http(_)) => Err(Failure::Unexpected.into()),
        Err(error) => Err(kind(&error).into()),
    }
}

fn take(listener: &mut Listener, text: &str, now: Instant) -> Result<(), Failure> {
    let heard: Heard = serde_json::from_str(text).map_err(|_| Failure::Unexpected)?;
    listener.bench.recorder.borrow_mut().frame(now);
    listener.hear(&heard, now)
}

fn closed(listener: &mut Listener, close: Option<CloseFrame>) -> End {
    match close {
        Some(close) if u16::from(close.code) == GONE => match listener.gone(close.reason.as_bytes()) {
            Ok(()) => End::Refused(StatusCode::GONE),
            Err(failure) => failure.into(),
        },
        _ => Failure::Broken.into(),
    }
}

/// What went wrong: a connection that ended, or frames that are none.
fn kind(error: &Error) -> Failure {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) => Failure::Broken,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake | ProtocolError::HandshakeIncomplete) => {
            Failure::Broken
        }
        _ => Failure::Unexpected,
    }
}
