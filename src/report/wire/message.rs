//! Messages in the bytes that carried them.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;

/// A message as it stands in a body.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Said<'a> {
    /// Its id.
    #[serde(borrow)]
    pub(crate) id: Cow<'a, str>,
    /// When the server accepted it, in microseconds since the Unix epoch.
    pub(crate) at: u64,
    /// What was said: the same in every transport, since it comes from the plan.
    #[serde(borrow)]
    pub(crate) text: Cow<'a, str>,
}

/// Where messages stand in the body of an answer, in a line of an event, or in a frame; those that are whole.
pub(crate) fn messages(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    const BATCH: &[u8] = b"\"messages\":[";
    const DATA: &[u8] = b"data: ";
    let start = if bytes.starts_with(b"{\"next\":") {
        bytes
            .windows(BATCH.len())
            .position(|window| window == BATCH)
            .map(|at| at + BATCH.len())
    } else if bytes.starts_with(DATA) {
        Some(DATA.len())
    } else {
        Some(0)
    };
    let mut next = start;
    std::iter::from_fn(move || {
        let start = next.take()?;
        let mut values = serde_json::Deserializer::from_slice(&bytes[start..]).into_iter::<Said>();
        values.next()?.ok()?;
        let end = start + values.byte_offset();
        next = (bytes.get(end) == Some(&b',')).then_some(end + 1);
        Some(start..end)
    })
}

/// Reads one of them.
pub(crate) fn said(bytes: &[u8]) -> Option<Said<'_>> {
    serde_json::from_slice(bytes).ok()
}
