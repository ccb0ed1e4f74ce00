//! A query on every path that reads one, and the header fields that say the same.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use talkplace_fuzz::{Client, UPGRADE, field};

thread_local! {
    static CLIENT: RefCell<Client> = RefCell::new(Client::connect());
}

fuzz_target!(|bytes: &[u8]| {
    let (which, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let value = field(bytes);
    // A blank would end the target of a request.
    let query: Vec<u8> = value.iter().copied().filter(|byte| *byte > b' ').collect();
    let (path, fields) = match which % 7 {
        0 => ("/talkplace/poll?", Vec::new()),
        1 => ("/talkplace/long-poll?", Vec::new()),
        // Not a cursor that is good, or the stream would not end.
        2 => ("/talkplace/events?after=x&", Vec::new()),
        3 => ("/talkplace?after=x&", UPGRADE.as_bytes().to_vec()),
        4 => ("/talkplace/long-poll?", [b"Prefer: ", &value[..], b"\r\n"].concat()),
        5 => (
            "/talkplace/events?after=x&",
            [b"Last-Event-ID: x", &value[..], b"\r\n"].concat(),
        ),
        _ => ("/talkplace/poll?", Vec::new()),
    };
    let host = if which % 7 == 6 { &value[..] } else { b"a" };
    let request = [
        b"GET ",
        path.as_bytes(),
        &query,
        b" HTTP/1.1\r\nHost: ",
        host,
        b"\r\n",
        &fields,
        b"\r\n",
    ]
    .concat();
    CLIENT.with_borrow_mut(|client| {
        let answer = client.ask(&request);
        assert!([200, 204, 400, 410].contains(&answer.status), "{answer:?}");
    });
});
