//! A scenario's TOML, in both its forms: a scenario, or everything that is wrong with it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use talkplace::lab::Source;

fuzz_target!(|text: String| {
    let source = Source {
        lab: "fuzzed".to_owned(),
        file: "scenario.toml".to_owned(),
        text: text.into(),
    };
    for quick in [false, true] {
        if let Err(problems) = source.scenario(quick, &[]) {
            assert!(problems.iter().count() > 0);
            assert!(!problems.to_string().is_empty());
        }
    }
});
