//! A WebSocket beside the server: no link, no counting. Who speaks in the dialect `ws-broadcast` speaks here.

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::target::Peer;

/// One connection.
pub(crate) struct Line {
    socket: WebSocketStream<TcpStream>,
}

/// The side of it that speaks.
pub(crate) type Mouth = SplitSink<WebSocketStream<TcpStream>, Message>;
/// The side of it that hears.
pub(crate) type Ear = SplitStream<WebSocketStream<TcpStream>>;

impl Line {
    /// Connects and upgrades.
    ///
    /// # Errors
    /// When nobody is there, or the upgrade is not answered with `101`.
    pub(crate) async fn open(peer: &Peer) -> Result<Line, Error> {
        let stream = TcpStream::connect(peer.address).await?;
        stream.set_nodelay(true)?;
        let url = format!("ws://{}{}", peer.authority, peer.path);
        // What is said leaves at once.
        let config = WebSocketConfig::default().write_buffer_size(0);
        let (socket, _) = client_async_with_config(url, stream, Some(config)).await?;
        Ok(Line { socket })
    }

    /// Says a text; returns when the system has it.
    pub(crate) async fn say(&mut self, text: String) -> Result<(), Error> {
        self.socket.send(said(text)).await
    }

    /// The next frame.
    pub(crate) async fn hear(&mut self) -> Result<Message, Error> {
        self.socket.next().await.unwrap_or(Err(Error::ConnectionClosed))
    }

    /// Both sides, for two tasks.
    pub(crate) fn split(self) -> (Mouth, Ear) {
        self.socket.split()
    }
}

/// A text as a frame.
pub(crate) fn said(text: String) -> Message {
    Message::Text(Utf8Bytes::from(text))
}

/// What went wrong, for a sentence.
pub(crate) fn why(error: &Error) -> String {
    match error {
        Error::Http(answer) => format!("the upgrade was answered {} and not 101", answer.status()),
        Error::ConnectionClosed | Error::AlreadyClosed => "it closed the connection".to_owned(),
        error => format!("what came is no WebSocket ({error})"),
    }
}
