//! A `results.json` that somebody sent: refused, or drawn, alone and beside itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use talkplace::report::render;
use talkplace::results::Results;

fuzz_target!(|bytes: &[u8]| {
    let Ok(results) = serde_json::from_slice::<Results>(bytes) else {
        return;
    };
    let written = serde_json::to_vec(&results).expect("results are JSON");
    assert!(
        serde_json::from_slice::<Results>(&written).is_ok(),
        "what was read can be written and read"
    );
    // A chart that cannot be drawn is an error that is told; a panic is not.
    let _ = render(std::slice::from_ref(&results));
    let _ = render(&[results.clone(), results]);
});
