//! What follows from results that are there: advice, and whether they can be believed.

use serde_json::Value;

use crate::support::Home;

const SHORT: &str = r#"
title = "A short run"
transports = ["poll", "long-poll", "websocket"]
listeners = 2
duration = "500ms"
warm_up = "100ms"
drain = "1s"

[feed]
rate = "20/s"

[link]
rtt = "2ms"

[poll]
interval = "50ms"
"#;

/// Something that somebody does to results.
type Change<'a> = &'a dyn Fn(&mut Value);

/// A home with one run of the lab `three-ways`, and the path of its results.
fn with_a_run() -> (Home, String) {
    let home = Home::new();
    home.write("three-ways/scenario.toml", SHORT);
    let ended = home.talkplace(&["run", "three-ways/scenario.toml", "--no-compare"]);
    let runs = home.list("reports/three-ways");
    assert_eq!(runs.len(), 1, "{}", ended.stderr);
    (home, format!("reports/three-ways/{}/results.json", runs[0]))
}

#[test]
fn results_fit_until_somebody_changes_them() {
    let (home, file) = with_a_run();
    let ended = home.talkplace(&["verify", &file]);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains(": fits. three-ways, run ") && ended.stdout.contains("listeners=2"),
        "{}",
        ended.stdout
    );

    let changes: [(&str, Change); 6] = [
        ("its seed plans another number of messages", &|results| {
            results["scenario"]["seed"] = 77.into()
        }),
        ("its ledger does not add up", &|results| {
            results["runs"][1]["ledger"]["heard"] = 1.into()
        }),
        ("its measurements are not those of its scenario", &|results| {
            results["runs"][0]["round"] = 2.into()
        }),
        ("no run can have these knobs", &|results| {
            results["scenario"]["rate_per_s"] = 1e9.into()
        }),
        ("its rate is not what its deliveries come to", &|results| {
            results["scenario"]["deliveries_per_s"] = 1e3.into()
        }),
        ("its answers are not those of its requests", &|results| {
            results["runs"][0]["counts"]["requests"] = 1_000_000.into()
        }),
    ];
    for (told, change) in changes {
        let mut results: Value = serde_json::from_str(&home.read(&file)).unwrap();
        change(&mut results);
        home.write("changed.json", &results.to_string());
        let ended = home.talkplace(&["verify", "changed.json"]);
        let seed = told.contains("seed");
        // Another seed may plan as many messages by chance, but not at these instants.
        let fits =
            ended.stdout.contains(told) || seed && ended.stdout.contains("before the instants that its seed plans");
        assert!(
            fits && ended.status == Some(1),
            "{told}: {}{}",
            ended.stdout,
            ended.stderr
        );
    }
    home.write("copy.json", &home.read(&file));
    let ended = home.talkplace(&["verify", &file, "copy.json"]);
    assert_eq!(ended.status, Some(1));
    assert!(
        ended.stdout.contains("its measurements are those of reports/"),
        "{}",
        ended.stdout
    );
    assert!(
        home.talkplace(&["verify", "nothing.json"])
            .refused()
            .contains("there is no nothing.json")
    );
}

#[test]
fn guesses_are_kept_with_the_run_and_scored() {
    let home = Home::new();
    home.write("small.toml", SHORT);
    let ended = home.talkplace(&[
        "run",
        "small.toml",
        "--transports",
        "websocket",
        "--guess",
        "websocket.requests=0",
        "--guess",
        "websocket.delay.p99=20m",
    ]);
    ended.ran();
    let run = home.list("reports/small")[0].clone();
    let results: Value = serde_json::from_str(&home.read(&format!("reports/small/{run}/results.json"))).unwrap();
    assert_eq!(results["guesses"][0]["figure"], "requests");
    assert_eq!(results["guesses"][1]["value"], 1_200_000.0);
    assert!(
        home.list(&format!("reports/small/{run}"))
            .contains(&"guesses.svg".to_owned())
    );
    let clear = ended.status == Some(0);
    assert!(
        !clear || ended.stdout.contains("The guesses come to 10 of 20 points"),
        "{}",
        ended.stdout
    );

    for (arguments, told) in [
        (vec!["--predict"], "--predict asks on a terminal"),
        (vec!["--guess", "events.requests=1"], "this run does not measure events"),
    ] {
        let ended = home.talkplace(&[vec!["run", "small.toml"], arguments].concat());
        assert!(ended.refused().contains(told), "{told}: {}", ended.stderr);
    }
    assert_eq!(
        home.talkplace(&["run", "small.toml", "--guess", "requests=1"]).status,
        Some(2)
    );
    assert_eq!(home.list("reports/small").len(), 1);
}

#[test]
fn advice_names_a_transport_its_setting_and_its_cost() {
    let (home, _) = with_a_run();
    let wish = [
        "--listeners",
        "5000",
        "--rate",
        "0.2/s",
        "--fresh",
        "5s",
        "--idle-limit",
        "60s",
    ];
    let ended = home.talkplace(&[&["advise"], &wish[..]].concat());
    // A debug build on a busy machine may find nothing quick enough for five thousand; it has to say so then.
    assert!(matches!(ended.status, Some(0 | 1)), "{}", ended.stderr);
    assert!(ended.stdout.contains("5,000 listeners"), "{}", ended.stdout);
    let json = home.talkplace(&[&["advise", "--json"], &wish[..]].concat());
    let options: Value = serde_json::from_str(&json.stdout).unwrap();
    let poll = &options[0];
    assert_eq!(poll["transport"], "poll");
    let interval_s = poll["poll_interval_s"].as_f64().unwrap();
    assert!(interval_s > 4.0 && interval_s < 5.0, "{poll}");
    let per_s = poll["requests_per_s"].as_f64().unwrap();
    assert!((per_s * interval_s / 5_000.0 - 1.0).abs() < 0.01, "{poll}");

    let empty = Home::new();
    let ended = empty.talkplace(&[&["advise"], &wish[..]].concat());
    assert!(
        ended.refused().contains("`talkplace run three-ways` makes one"),
        "{}",
        ended.stderr
    );
    for wrong in [
        vec!["advise"],
        vec!["advise", "--listeners", "5", "--rate", "1/s", "--fresh", "0s"],
    ] {
        assert_eq!(empty.talkplace(&wrong).status, Some(2));
    }
    assert!(empty.list(".").is_empty());
}
