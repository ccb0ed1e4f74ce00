//! A `Cookie` and an `Origin`: a guest, somebody who is refused, or nobody at all; never somebody else.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use talkplace_fuzz::{Client, field};

thread_local! {
    static CLIENT: RefCell<Client> = RefCell::new(Client::connect());
}

fuzz_target!(|bytes: &[u8]| {
    let (which, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let value = field(bytes);
    let fields = match which % 3 {
        0 => [b"Cookie: ", &value[..], b"\r\n"].concat(),
        1 => [b"Cookie: name=", &value[..], b"\r\n"].concat(),
        _ => [b"Cookie: a=b\r\nOrigin: ", &value[..], b"\r\n"].concat(),
    };
    let request = [b"GET /me HTTP/1.1\r\nHost: a\r\n", &fields[..], b"\r\n"].concat();
    CLIENT.with_borrow_mut(|client| {
        let answer = client.ask(&request);
        assert!([200, 400, 401].contains(&answer.status), "{answer:?}");
        if answer.status == 200 {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(body.contains("\"id\":0"), "nobody has signed in: {body}");
        }
    });
});
