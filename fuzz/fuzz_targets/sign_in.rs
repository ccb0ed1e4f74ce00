//! The body of a sign-in, as a form and as JSON. Who gets in is who the cookie says.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use talkplace_fuzz::{Client, post};

thread_local! {
    static CLIENT: RefCell<Client> = RefCell::new(Client::connect());
}

fuzz_target!(|bytes: &[u8]| {
    let (which, body) = bytes.split_first().unwrap_or((&0, &[]));
    let kind = ["application/x-www-form-urlencoded", "application/json", "text/plain"][usize::from(which % 3)];
    CLIENT.with_borrow_mut(|client| {
        let answer = client.ask(&post("/signin", kind, body));
        assert!([302, 400, 413, 415].contains(&answer.status), "{answer:?}");
        if answer.status != 302 {
            return;
        }
        let pairs = answer.cookies();
        assert_eq!(pairs.len(), 2, "{answer:?}");
        let request = format!("GET /me HTTP/1.1\r\nHost: a\r\nCookie: {}\r\n\r\n", pairs.join("; "));
        let me = client.ask(request.as_bytes());
        assert_eq!(me.status, 200, "{me:?}");
    });
});
