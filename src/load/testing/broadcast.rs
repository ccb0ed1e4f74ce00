//! A chat server as a student writes it: a WebSocket, and whatever one says is sent to all.

use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::load::target::Peer;
use crate::results::Dialect;

/// What it makes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Sends it as it is.
    Plain,
    /// Puts it into JSON, with who has said it.
    Wraps,
    /// Sends it as a binary frame.
    Binary,
    /// Tells nobody.
    Keeps,
    /// Forgets every message whose place in the schedule ends in 7.
    Forgets,
}

/// A server on a port of its own, for as long as its runtime lives.
pub(crate) struct Broadcast {
    pub(crate) peer: Peer,
}

impl Broadcast {
    /// Starts it within the test's own runtime.
    pub(crate) async fn start(habit: Habit) -> Broadcast {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = socket.local_addr().unwrap();
        let (all, _) = broadcast::channel(10_000);
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(serve(stream, all.clone(), habit));
            }
        });
        let url = format!("ws://{address}/chat");
        let peer = Peer::find(&url, Dialect::WsBroadcast).await.unwrap();
        Broadcast { peer }
    }
}

async fn serve(stream: TcpStream, all: broadcast::Sender<String>, habit: Habit) {
    stream.set_nodelay(true).unwrap();
    // The first one only looks whether anybody is there.
    let Ok(mut client) = accept_async(stream).await else {
        return;
    };
    let mut others = all.subscribe();
    loop {
        let told = tokio::select! {
            said = client.next() => match said {
                Some(Ok(Message::Text(text))) => {
                    let forgotten = habit == Habit::Forgets && text.split(' ').next().unwrap().ends_with('7');
                    if habit != Habit::Keeps && !forgotten {
                        all.send(text.to_string()).unwrap();
                    }
                    continue;
                }
                Some(Ok(_)) => continue,
                _ => return,
            },
            told = others.recv() => told.unwrap(),
        };
        let frame = match habit {
            Habit::Wraps => Message::text(serde_json::json!({ "from": "alice", "text": told }).to_string()),
            Habit::Binary => Message::binary(told),
            _ => Message::text(told),
        };
        if client.send(frame).await.is_err() {
            return;
        }
    }
}
