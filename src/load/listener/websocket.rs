//! WebSocket: one upgrade, then a frame per message.

use std::time::Instant;

use futures_util::StreamExt;
use hyper::StatusCode;
use hyper::header::COOKIE;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::head::Head;
use super::{Attendance, End, Listener, Wire};
use crate::load::heard::{Heard, Said};
use crate::load::link::Arrival;
use crate::load::recorder::{Answer, Failure};
use crate::results::Dialect;

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
    let host = &bench.peer.authority;
    let url = match bench.peer.dialect {
        Dialect::Talkplace => format!("ws://{host}/talkplace?after={}", listener.cursor),
        Dialect::WsBroadcast => format!("ws://{host}{}", bench.peer.path),
        Dialect::Nchan => format!("ws://{host}/talkplace"),
    };
    let mut request = url.into_client_request().expect("our own address is an address");
    if let Some(cookie) = &listener.cookie {
        request.headers_mut().insert(COOKIE, cookie.clone());
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0);
    bench.recorder.borrow_mut().request(Instant::now());
    let upgrade = async {
        // It gets its answer's head alone, as it would keep the buffer that it reads more into.
        let (upgraded, _) = client_async_with_config(request, Head::new(wire), Some(config)).await?;
        let (wire, behind) = upgraded.into_inner().into_parts();
        Ok(WebSocketStream::from_partially_read(wire, behind, Role::Client, Some(config)).await)
    };
    // Boxed: the handshake is larger than all that a listener keeps after it.
    let upgraded = bench.timer.within(bench.patience(), Box::pin(upgrade)).await;
    match upgraded.map_err(|_| Failure::TimedOut)? {
        Ok(frames) => {
            bench.recorder.borrow_mut().answer(Answer::Opened, Instant::now());
            listener.served(arrival.at());
            Ok((frames, arrival))
        }
        Err(Error::Http(answer)) if answer.status().is_client_error() || answer.status().is_server_error() => {
            listener.refused(answer.status(), Instant::now());
            Err(End::Refused(answer.status()))
        }
        Err(Error::Http(_)) => Err(Failure::Unexpected.into()),
        Err(error) => Err(kind(&error).into()),
    }
}

fn take(listener: &mut Listener, text: &str, now: Instant) -> Result<(), Failure> {
    if !listener.bench.peer.dialect.tells_when() {
        if let Said::Load(_) = listener.hear_bare(text, now) {
            listener.bench.recorder.borrow_mut().frame(now);
        }
        return Ok(());
    }
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
