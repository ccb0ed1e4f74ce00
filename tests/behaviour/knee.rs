//! The search for the largest load, on a small lab.

use serde_json::Value;

use crate::support::Home;

const SMALL: &str = r#"
title = "A small lab"
question = "How many?"
transports = ["poll"]
listeners = 2
duration = "500ms"
warm_up = "100ms"
drain = "2s"
checks = ["lost == 0"]

[feed]
rate = "20/s"
arrivals = "constant"

[poll]
interval = "50ms"
"#;

#[test]
fn the_search_says_what_breaks_and_keeps_its_runs() {
    let home = Home::new();
    home.write("small.toml", SMALL);
    // So many requests mean so many listeners: each sends ten in the window, so that a late machine must lose half of them to break it.
    let ended = home.talkplace(&[
        "knee",
        "small.toml",
        "--limit",
        "requests < 35",
        "--most",
        "8",
        "--json",
    ]);
    let knee: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}{}", ended.stdout, ended.stderr));
    assert_eq!(knee["of"], "listeners");
    let poll = &knee["transports"][0];
    assert_eq!(poll["transport"], "poll");
    let runs = poll["runs"].as_u64().unwrap();
    assert!((1..=14).contains(&runs), "{poll}");
    let folder = format!("reports/knee/small/{}", home.list("reports/knee/small")[0]);
    let points = home.list(&folder).iter().filter(|name| name.len() == 2).count() as u64;
    assert!(
        (runs..=3 * runs).contains(&points),
        "each run has its folder: {runs}, {points}"
    );
    for file in ["index.html", "busy.svg"] {
        assert!(home.list(&folder).contains(&file.to_owned()), "{file}");
    }
    let kept: Value = serde_json::from_str(&home.read(&format!("{folder}/knee.json"))).unwrap();
    assert_eq!(kept, knee);
    assert!(poll["first"]["each_us"].as_f64().unwrap() > 0.0, "{poll}");
    if ended.status == Some(3) {
        // A busy machine was the limit before the server was; it has to say so.
        assert!(!poll["unclear"].as_array().unwrap().is_empty(), "{poll}");
        return;
    }
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let (holds, breaks) = (poll["holds"].as_f64().unwrap(), poll["breaks"].as_f64().unwrap());
    assert!(holds < breaks, "{poll}");
    assert!(
        poll["broke"][0].as_str().unwrap().starts_with("requests < 35 (poll "),
        "{poll}"
    );
}

#[test]
fn what_cannot_be_searched_is_refused_and_nothing_is_written() {
    let home = Home::new();
    home.write("free.toml", "listeners = 2\n");
    for (arguments, told) in [
        (vec!["knee", "free.toml"], "has no checks, so nothing could break"),
        (
            vec!["knee", "free.toml", "--listeners", "0", "--limit", "lost == 0"],
            "without a listener",
        ),
        (vec!["knee", "nowhere"], "there is no lab and no file `nowhere`"),
    ] {
        let ended = home.talkplace(&arguments);
        assert!(ended.refused().contains(told), "{told}: {}", ended.stderr);
    }
    let usage = home.talkplace(&["knee", "free.toml", "--limit", "p99 < 3"]);
    assert_eq!(usage.status, Some(2));
    assert!(usage.stderr.contains("there is no figure `p99`"), "{}", usage.stderr);
    assert_eq!(home.list("."), ["free.toml"]);
}
