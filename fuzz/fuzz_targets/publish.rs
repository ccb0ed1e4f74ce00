//! The body of a message: what is said is what is heard.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use talkplace_fuzz::{Client, post};

thread_local! {
    static CLIENT: RefCell<Client> = RefCell::new(Client::connect());
}

fuzz_target!(|bytes: &[u8]| {
    let (which, body) = bytes.split_first().unwrap_or((&0, &[]));
    let kind = ["text/plain", "application/json", "application/x-www-form-urlencoded"][usize::from(which % 3)];
    CLIENT.with_borrow_mut(|client| {
        let answer = client.ask(&post("/talkplace/messages", kind, body));
        assert!([201, 400, 413, 415].contains(&answer.status), "{answer:?}");
        if answer.status != 201 {
            return;
        }
        let id = String::from_utf8(answer.body).expect("an id is ASCII");
        let seq: u64 = id
            .trim_end_matches("\"}")
            .rsplit('-')
            .next()
            .expect("FEED-SEQ")
            .parse()
            .expect("a number");
        let request = format!(
            "GET /talkplace/poll?after={}&limit=1 HTTP/1.1\r\nHost: a\r\n\r\n",
            seq - 1
        );
        let heard = client.ask(request.as_bytes());
        let batch: serde_json::Value = serde_json::from_slice(&heard.body).expect("a batch is JSON");
        let text = batch["messages"][0]["text"].as_str().expect("a message has a text");
        assert!((1..=4_096).contains(&text.len()));
        if kind == "text/plain" {
            assert_eq!(text.as_bytes(), body);
        }
    });
});
