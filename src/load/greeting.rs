//! Before anybody listens: whether the server speaks as it is spoken to, and where its feed stands.
//!
//! A feed of bare texts has no end to ask for. So something is said in it, and the listeners begin behind that.

use std::time::Duration;

use hyper::StatusCode;
use rand::RngExt as _;
use serde::Deserialize;
use tokio_tungstenite::tungstenite::Message;

use super::LoadError;
use super::broadcast::{self, Line};
use super::control::Control;
use super::heard;
use super::target::Peer;
use crate::protocol::{Cursor, FeedId};
use crate::results::Dialect;

/// Where the listeners begin.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// The cursor of the end. Of a feed that has no ids it is a name that the run gives it, and 0.
    pub(crate) base: Cursor,
    /// nchan’s own id of a message that one more message follows: whoever asks for what comes behind it is answered at once.
    pub(crate) mark: Option<String>,
}

/// Greets the server; what it is told has to be heard within `patience`.
///
/// # Errors
/// [`LoadError::NotOurs`] when what comes back is not what the dialect has for it.
pub(crate) async fn greet(peer: &Peer, control: &mut Control, patience: Duration) -> Result<Beginning, LoadError> {
    let begins = |base, mark| Ok(Beginning { base, mark });
    let named = |feed| Cursor { feed, seq: 0 };
    match peer.dialect {
        Dialect::Talkplace => begins(control.cursor().await?, None),
        Dialect::WsBroadcast => {
            let feed = name();
            let heard = tokio::time::timeout(patience, over_websocket(peer, feed)).await;
            let silence = || {
                format!(
                    "what one client said was not heard by another within {} s",
                    patience.as_secs()
                )
            };
            heard
                .unwrap_or_else(|_| Err(silence()))
                .map_err(|what| not_ours(peer, what))?;
            begins(named(feed), None)
        }
        Dialect::Nchan => {
            let feed = name();
            let mark = in_nchan(peer, control, feed).await?;
            // A second one, so that whoever begins behind the first has something to hear.
            in_nchan(peer, control, feed).await?;
            begins(named(feed), Some(mark))
        }
    }
}

fn not_ours(peer: &Peer, what: String) -> LoadError {
    LoadError::NotOurs {
        server: peer.url.clone(),
        dialect: peer.dialect,
        what,
    }
}

/// A name that stands in no number and in no word.
fn name() -> FeedId {
    let mut random = rand::rng();
    let (letter, digit) = (random.random_range(b'a'..=b'z'), random.random_range(b'0'..=b'9'));
    let name = format!(
        "{}{}{:02}",
        char::from(letter),
        char::from(digit),
        random.random_range(0..100)
    );
    name.parse().expect("letters and digits make a feed’s name")
}

/// One client says something, another has to hear it.
async fn over_websocket(peer: &Peer, feed: FeedId) -> Result<(), String> {
    let mut listener = Line::open(peer).await.map_err(|error| broadcast::why(&error))?;
    let mut speaker = Line::open(peer).await.map_err(|error| broadcast::why(&error))?;
    speaker
        .say(heard::greeting(feed))
        .await
        .map_err(|error| broadcast::why(&error))?;
    loop {
        match listener.hear().await.map_err(|error| broadcast::why(&error))? {
            // Others’ words, or a welcome.
            Message::Text(text) if heard::said(&text, feed) != heard::Said::Greeting => {}
            Message::Text(_) => return Ok(()),
            Message::Binary(_) => {
                return Err(
                    "it sends binary frames, of which a page gets a Blob and no text (with Node’s `ws`: \
                     client.send(data, { binary: false }))"
                        .to_owned(),
                );
            }
            Message::Close(_) => return Err("it closed the connection of a client that was silent".to_owned()),
            _ => {}
        }
    }
}

/// What nchan answers to whoever publishes, as far as it matters here.
#[derive(Deserialize)]
struct Published {
    last_message_id: String,
}

/// Says something to nchan; gives the id that it has there.
async fn in_nchan(peer: &Peer, control: &mut Control, feed: FeedId) -> Result<String, LoadError> {
    let (status, body) = control.say(heard::greeting(feed)).await?;
    let published = serde_json::from_slice::<Published>(&body).ok();
    match (status, published) {
        (StatusCode::CREATED | StatusCode::ACCEPTED, Some(published)) => Ok(published.last_message_id),
        (status, _) => Err(not_ours(
            peer,
            format!(
                "POST /talkplace/messages was answered {status} without the id of a message; does it run with the lab’s nginx.conf?"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_its_greeting_and_in_every_text() {
        for _ in 0..200 {
            let feed = name();
            assert_eq!(
                heard::said(&heard::greeting(feed), feed),
                heard::Said::Greeting,
                "{feed}"
            );
            let index = rand::rng().random_range(0..1_000_000);
            assert_eq!(
                heard::said(&heard::bare_text(index, feed, 64), feed),
                heard::Said::Load(index),
                "{feed}"
            );
        }
    }
}
