//! Listening to nchan (<https://nchan.io>): the contract's paths, with requests, answers and cursors of its own.
//!
//! A message's id is a second and a number within it. A poll sends the id of the last message back as it came, in the fields that were
//! made for caches, and every answer carries one message; an event stream has it as `id:`. Nothing new is `304` to a short poll, and
//! `408` to one that was held.

use std::time::Instant;

use hyper::StatusCode;
use hyper::header::{ACCEPT, ETAG, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::http::{Answered, Question};
use super::poll::{Kind, Next};
use super::sse::Event;
use super::{End, Listener};
use crate::load::heard::Said;
use crate::load::recorder::{Answer, Failure};
use crate::protocol::Transport;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The fields of a request that say where it goes on.
pub(super) type Place = Vec<(HeaderName, HeaderValue)>;

/// The place behind the message of this id, `1769000000:0`; none where that cannot be read: then it goes on with what comes next.
pub(super) fn place(transport: Transport, mark: &str) -> Place {
    match transport {
        Transport::Events => event_place(mark.as_bytes()),
        Transport::Poll | Transport::LongPoll => poll_place(mark).unwrap_or_default(),
        Transport::Websocket => Place::new(),
    }
}

fn event_place(id: &[u8]) -> Place {
    let id = HeaderValue::from_bytes(id).ok();
    id.into_iter().map(|id| (LAST_EVENT_ID, id)).collect()
}

/// As HTTP writes a date (RFC 9110, section 5.6.7).
const DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

fn poll_place(mark: &str) -> Option<Place> {
    let (second, number) = mark.split_once(':')?;
    let second = OffsetDateTime::from_unix_timestamp(second.parse().ok()?).ok()?;
    let date = HeaderValue::try_from(second.format(DATE).ok()?).ok()?;
    Some(vec![
        (IF_MODIFIED_SINCE, date),
        (IF_NONE_MATCH, HeaderValue::try_from(number).ok()?),
    ])
}

/// What a poll asks.
pub(super) fn question(listener: &Listener, kind: Kind) -> Question {
    let path = match kind {
        Kind::Short => "/talkplace/poll",
        Kind::Long => "/talkplace/long-poll",
    };
    Question {
        path: path.to_owned(),
        fields: listener.place_in_nchan.clone(),
    }
}

/// What opens an event stream.
pub(super) fn stream(listener: &Listener) -> Question {
    let mut fields = vec![(ACCEPT, HeaderValue::from_static("text/event-stream"))];
    fields.extend(listener.place_in_nchan.iter().cloned());
    Question {
        path: "/talkplace/events".to_owned(),
        fields,
    }
}

/// Counts a poll's answer and what it carries.
pub(super) fn take(listener: &mut Listener, kind: Kind, answered: &Answered, now: Instant) -> Result<Next, End> {
    let count = |listener: &Listener, answer| listener.bench.recorder.borrow_mut().answer(answer, now);
    match answered.status {
        StatusCode::OK => {
            let text = std::str::from_utf8(&answered.body).map_err(|_| Failure::Unexpected)?;
            count(listener, Answer::WithMessages);
            listener.hear_bare(text, now);
            let field = |name| answered.fields.get(name).cloned().ok_or(Failure::Unexpected);
            listener.place_in_nchan = vec![
                (IF_MODIFIED_SINCE, field(LAST_MODIFIED)?),
                (IF_NONE_MATCH, field(ETAG)?),
            ];
            listener.served(now);
            // It may have more to say, and says so only when it is asked.
            Ok(Next::AtOnce)
        }
        StatusCode::NOT_MODIFIED if kind == Kind::Short => {
            count(listener, Answer::Empty);
            listener.served(now);
            Ok(Next::Turn)
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::NOT_MODIFIED if kind == Kind::Long => {
            count(listener, Answer::Empty);
            listener.served(now);
            Ok(Next::Turn)
        }
        status if status.is_client_error() || status.is_server_error() => {
            listener.refused(status, now);
            Err(End::Refused(status))
        }
        _ => Err(Failure::Unexpected.into()),
    }
}

/// Takes an event in.
pub(super) fn take_event(listener: &mut Listener, event: &Event<'_>, now: Instant) -> Result<(), End> {
    let Some(data) = event.data else {
        return Ok(());
    };
    let text = std::str::from_utf8(data).map_err(|_| Failure::Unexpected)?;
    if listener.hear_bare(text, now) != Said::Greeting {
        listener.bench.recorder.borrow_mut().frame(now);
    }
    listener.place_in_nchan = event_place(event.id);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(transport: Transport, mark: &str) -> Vec<(String, String)> {
        let fields = place(transport, mark).into_iter();
        fields
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect()
    }

    #[test]
    fn a_message_is_named_as_each_transport_names_it() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let polled = [
            pair("if-modified-since", "Wed, 21 Jan 2026 12:53:20 GMT"),
            pair("if-none-match", "3"),
        ];
        assert_eq!(written(Transport::LongPoll, "1769000000:3"), polled);
        assert_eq!(written(Transport::Poll, "1769000000:3"), polled);
        assert_eq!(
            written(Transport::Events, "1769000000:3"),
            [pair("last-event-id", "1769000000:3")]
        );
        for nonsense in ["", "1769000000", "x:1", "99999999999999999:0", "1769000000:\n"] {
            assert_eq!(written(Transport::Poll, nonsense), [], "{nonsense:?}");
        }
    }
}
