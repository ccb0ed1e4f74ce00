//! A cursor as a listener writes it: read, or refused; and read back from how it is written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use talkplace::protocol::{After, Cursor};

fuzz_target!(|text: &str| {
    match text.parse() {
        Ok(After::Cursor(cursor)) => {
            assert_eq!(cursor.to_string(), text, "one position, one name");
            assert_eq!(text.parse::<Cursor>(), Ok(cursor));
        }
        Ok(After::Seq(seq)) => assert_eq!(seq.to_string(), text),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
