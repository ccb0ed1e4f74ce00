//! Runs behind something that takes transports away: listeners fall back, say why, climb again, and nothing is lost.

use proptest::prelude::*;
use serde_json::Value;

use crate::support::Home;

const SMALL: &str = r#"
title = "A small ladder"
question = "By which rung?"
transports = ["websocket"]
listeners = 4
duration = "1500ms"
warm_up = "100ms"
drain = "10s"

[feed]
rate = "40/s"
arrivals = "constant"

[link]
rtt = "4ms"

[poll]
interval = "50ms"

[network]
blocks = ["websocket"]
blocks_after = "300ms"
free_after = "800ms"

[ladder]
falls_back = true
open_within = "200ms"
climb_after = "150ms"

[reconnect]
wait = "20ms"
longest = "100ms"
"#;

fn small() -> Home {
    let home = Home::new();
    home.write("small.toml", SMALL);
    home
}

/// Runs it with these knobs, and checks that nobody missed or repeated anything; gives what it did.
fn walked(home: &Home, knobs: &[&str]) -> Value {
    let more = knobs.iter().flat_map(|knob| ["--set", knob]);
    let arguments: Vec<&str> = ["run", "small.toml", "--no-compare", "--json"]
        .into_iter()
        .chain(more)
        .collect();
    let ended = home.talkplace(&arguments);
    ended.ran();
    let results: Value = serde_json::from_str(&ended.stdout).unwrap();
    let run = results["runs"][0].clone();
    for fault in ["lost", "repeated", "out_of_order", "gone"] {
        assert_eq!(run["ledger"][fault], 0, "{fault}: {run}");
    }
    assert_eq!(run["publishing"]["accepted"], run["publishing"]["planned"]);
    for failure in ["connect", "broken", "timed_out", "unexpected"] {
        assert_eq!(run["failures"][failure], 0, "{}", run["failures"]);
    }
    run
}

/// What each listener tried, in words: `websocket`, `websocket refused 403`, `climb events`.
fn walks(run: &Value) -> Vec<Vec<String>> {
    let walk = |walk: &Value| walk.as_array().unwrap().iter().map(step).collect();
    run["ladder"]["walks"].as_array().unwrap().iter().map(walk).collect()
}

fn step(rung: &Value) -> String {
    let climb = if rung["is_climb"] == true { "climb " } else { "" };
    let transport = rung["transport"].as_str().unwrap();
    let failed = match &rung["failed"] {
        Value::Null => String::new(),
        Value::String(why) => format!(" {why}"),
        refused => format!(" refused {}", refused["refused"]),
    };
    format!("{climb}{transport}{failed}")
}

#[test]
fn each_way_of_taking_websocket_away_is_told_apart_and_everybody_climbs_back() {
    let home = small();
    for (how, why) in [
        ("refuse", "refused 403"),
        ("strip", "refused 426"),
        ("cut", "cut"),
        ("swallow", "silent"),
    ] {
        let run = walked(&home, &[&format!("network.how={how}")]);
        for walk in walks(&run) {
            assert_eq!(walk[0], "websocket", "the way was open at first: {walk:?}");
            // What is cut at once may be seen to open before that.
            let second = format!("websocket {why}");
            assert!(
                walk[1] == second || how == "cut" && walk[1] == "websocket",
                "{how}: {walk:?}"
            );
            assert_eq!(walk[2], "events", "{how}: {walk:?}");
            assert_eq!(walk.last().unwrap(), "climb websocket", "{how}: {walk:?}");
        }
        let first = &run["ladder"]["walks"][0];
        assert_eq!(first[0]["ended"], "cut", "{first}");
        assert_eq!(
            first[first.as_array().unwrap().len() - 1].get("left_s"),
            None,
            "it was in use to the end: {first}"
        );
        if how == "swallow" {
            // Silence costs all the patience that there is, and nothing else does.
            assert!(first[1]["took_s"].as_f64().unwrap() >= 0.2, "{first}");
        }
    }
}

#[test]
fn a_listener_goes_down_as_many_rungs_as_it_must() {
    let home = small();
    let never = ["network.blocks_after=0s", "network.free_after=0s"];
    let blocked = |blocks: &str| walks(&walked(&home, &[&[blocks][..], &never].concat()));
    for walk in blocked("network.blocks=websocket,events") {
        assert_eq!(
            walk[..3],
            ["websocket refused 403", "events refused 403", "long-poll"],
            "{walk:?}"
        );
        assert!(
            walk[3..]
                .iter()
                .all(|step| step.starts_with("climb ") && step.ends_with(" 403")),
            "{walk:?}"
        );
    }
    for walk in blocked("network.blocks=websocket,events,long-poll") {
        assert_eq!(walk[3], "poll", "{walk:?}");
    }
    // Without a browser that has it there is nothing to try, and nothing to climb to.
    let lacking = ["network.blocks=", "ladder.lacks=websocket"];
    for walk in walks(&walked(&home, &lacking)) {
        assert_eq!(walk, ["websocket lacking", "events"]);
    }
}

#[test]
fn who_begins_at_the_bottom_listens_at_once_and_climbs_while_it_does() {
    let home = small();
    let run = walked(
        &home,
        &[
            "ladder.begins=bottom",
            "network.how=swallow",
            "network.blocks_after=0s",
            "network.free_after=600ms",
        ],
    );
    for walk in walks(&run) {
        assert_eq!(walk[0], "poll", "{walk:?}");
        assert_eq!(walk[1..3], ["climb websocket silent", "climb events"], "{walk:?}");
        assert_eq!(walk.last().unwrap(), "climb websocket", "{walk:?}");
    }
    let first = &run["ladder"]["walks"][0][0];
    assert!(first["took_s"].as_f64().unwrap() < first["left_s"].as_f64().unwrap() - first["at_s"].as_f64().unwrap());
}

#[test]
fn a_restart_on_the_ladder_loses_nothing_either() {
    let home = small();
    let run = walked(
        &home,
        &["server.restart=150ms", "server.restart_by=kill", "network.how=swallow"],
    );
    assert_eq!(run["restart"]["cut"], 4, "{}", run["restart"]);
    assert_eq!(run["restart"]["away"]["count"], 4, "{}", run["restart"]);
}

proptest! {
    // Each of them is a run of its own. PROPTEST_CASES=100 goes on for some minutes.
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(3),
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_is_blocked_and_when_everybody_hears_everything_once(
        blocks in prop::sample::select(vec!["websocket", "events", "websocket,events", "websocket,events,long-poll", "long-poll,poll"]),
        how in prop::sample::select(vec!["refuse", "cut", "swallow"]),
        begins in prop::sample::select(vec!["top", "bottom"]),
        blocks_after in prop::sample::select(vec!["0s", "200ms", "700ms"]),
        free_for_ms in 0u64..900,
        open_within_ms in 30u64..250,
        climb_after_ms in 20u64..300,
        seed: u32,
    ) {
        let home = small();
        let from_ms = blocks_after.trim_end_matches("ms").parse().unwrap_or(0u64);
        let knobs = [
            format!("network.blocks={blocks}"),
            format!("network.how={how}"),
            format!("network.blocks_after={blocks_after}"),
            format!("network.free_after={}ms", from_ms + free_for_ms + 1),
            format!("ladder.begins={begins}"),
            format!("ladder.open_within={open_within_ms}ms"),
            format!("ladder.climb_after={climb_after_ms}ms"),
            format!("seed={seed}"),
        ];
        walked(&home, &knobs.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

#[test]
fn what_cannot_be_walked_is_refused_in_a_sentence() {
    let home = small();
    for (knobs, told) in [
        (
            &["ladder.falls_back=false"][..],
            "a listener that keeps to a blocked transport never listens",
        ),
        (
            &["ladder.falls_back=false", "network.blocks=", "ladder.lacks=events"],
            "keeps to a transport that it lacks",
        ),
        (
            &["network.how=strip", "network.blocks=events"],
            "only WebSocket asks for an upgrade that could be stripped",
        ),
        (
            &["network.free_after=200ms"],
            "the way is free again before it is blocked",
        ),
        (
            &[
                "network.blocks_after=0s",
                "network.blocks=websocket,events,long-poll,poll",
            ],
            "listeners of websocket have nothing left to begin with",
        ),
        (&["network.blocks=pigeon"], "pigeon"),
        (
            &["network.how=politely"],
            "`politely` is not one of \"refuse\", \"strip\", \"cut\", \"swallow\"",
        ),
        (&["ladder.open_within=1ms"], "1ms is out of range"),
    ] {
        let more = knobs.iter().flat_map(|knob| ["--set", knob]);
        let ended = home.talkplace(&["run", "small.toml"].into_iter().chain(more).collect::<Vec<_>>());
        assert!(ended.refused().contains(told), "{}", ended.stderr);
    }
    assert_eq!(home.list("."), ["small.toml"]);
}
