//! What is typed, before anything is measured.

use crate::support::Home;

#[test]
fn labs_are_listed_with_their_questions() {
    let listed = Home::new().talkplace(&["labs"]);
    assert_eq!(listed.status, Some(0));
    assert!(
        listed.stdout.contains("01 three-ways: Three ways to hear one chat"),
        "{}",
        listed.stdout
    );
    assert!(listed.stdout.contains('?'), "{}", listed.stdout);
    assert!(!listed.stdout.contains('\x1b'));
}

#[test]
fn the_knobs_of_a_lab_are_listed_with_values_and_help() {
    let home = Home::new();
    for name in ["three-ways", "01-three-ways", "01", "1"] {
        let knobs = home.talkplace(&["labs", name]);
        assert_eq!(knobs.status, Some(0), "{}", knobs.stderr);
        let line = knobs
            .stdout
            .lines()
            .find(|line| line.contains("long_poll.timeout"))
            .unwrap();
        assert!(
            line.contains("25s") && line.contains("how long the server may hold"),
            "{line}"
        );
    }
}

#[test]
fn the_help_shows_examples() {
    let help = Home::new().talkplace(&["run", "--help"]);
    assert_eq!(help.status, Some(0));
    assert!(
        help.stdout
            .contains("talkplace run three-ways --rate 1/10s --duration 1m"),
        "{}",
        help.stdout
    );
}

#[test]
fn everything_wrong_with_a_scenario_is_told_at_once_and_nothing_is_written() {
    let home = Home::new();
    home.write(
        "mine.toml",
        "listeners = 0\n\n[long-poll]\ntimeout = \"2s\"\n\n[feed]\nrate = 5\n",
    );
    let ended = home.talkplace(&["run", "mine.toml", "--duration", "soon", "--set", "fed.rate=1/s"]);
    let told = ended.refused();
    for problem in [
        "mine.toml:1:1: listeners: without a listener there is nothing to measure",
        "mine.toml:3:2: there is no key `long-poll`; did you mean `long_poll`?",
        "mine.toml:7:1: feed.rate: `5` is no rate: write it as \"20/s\"",
        "--duration soon: `soon` is no time",
        "--set fed.rate=1/s: there is no key `fed.rate`; did you mean `feed.rate`?",
    ] {
        assert!(told.contains(problem), "{problem}\n{told}");
    }
    assert_eq!(home.list("."), ["mine.toml"]);
}

#[test]
fn an_unknown_lab_is_answered_with_those_there_are() {
    let home = Home::new();
    for arguments in [["run", "five-ways"], ["labs", "five-ways"], ["eject", "five-ways"]] {
        let ended = home.talkplace(&arguments);
        assert!(
            ended.refused().contains("`five-ways`; the labs are: three-ways"),
            "{}",
            ended.stderr
        );
    }
    assert!(home.list(".").is_empty());
}

#[test]
fn what_is_no_scenario_is_told_apart() {
    let home = Home::new();
    home.write("empty/notes.txt", "");
    std::fs::write(home.path("picture"), [0xff, 0xd8, 0xff]).unwrap();
    home.write("prose", &"This is a letter, and no table.\n".repeat(100));
    for (file, sentence) in [
        ("empty", "there is no empty/scenario.toml"),
        ("picture", "picture is no text"),
        ("prose", "more"),
    ] {
        let ended = home.talkplace(&["run", file]);
        assert!(ended.refused().contains(sentence), "{}", ended.stderr);
        assert!(ended.stderr.lines().count() < 20, "{}", ended.stderr);
    }
    assert_eq!(home.list("."), ["empty", "picture", "prose"]);
}

#[test]
fn a_number_below_zero_is_a_value_and_no_flag() {
    let home = Home::new();
    let ended = home.talkplace(&["run", "three-ways", "--listeners", "-5"]);
    assert!(ended.refused().contains("`-5` is no whole number"), "{}", ended.stderr);
    let ended = home.talkplace(&["run", "three-ways", "--generator-threads", "0"]);
    assert_eq!(ended.status, Some(2));
    assert!(ended.stderr.contains("from 1 up"), "{}", ended.stderr);
}

#[test]
fn what_is_wrong_with_the_settings_of_a_server_is_told_with_its_line() {
    let home = Home::new();
    for (text, sentence) in [
        (
            "workers = 1\nlong_poll_timeout = 5\n",
            "line 2, `long_poll_timeout = 5`: ",
        ),
        (
            "workers = -1",
            "line 1, `workers = -1`: invalid value: integer `-1`, expected a whole number",
        ),
        ("\nmax_texts = 1", "line 2, `max_texts = 1`: unknown field"),
        ("workers = 1000000", "--workers 1000000 is too many: 1024 is the most"),
    ] {
        home.write("server.toml", text);
        let ended = home.talkplace(&["serve", "--listen", "127.0.0.1:0", "--config", "server.toml"]);
        assert!(ended.refused().contains(sentence), "{}", ended.stderr);
    }
}

#[test]
fn words_from_elsewhere_do_not_steer_the_terminal() {
    let home = Home::new();
    home.write("small.toml", "title = \"Plain\"\ntransports = [\"websocket\"]\nlisteners = 1\nduration = \"500ms\"\nwarm_up = \"0s\"\ndrain = \"500ms\"\n");
    let ended = home.talkplace(&["run", "small.toml", "--json"]);
    home.write(
        "theirs/results.json",
        &ended.stdout.replace("Plain", "Pl\\u001b[31main"),
    );
    let drawn = home.talkplace(&["report", "theirs"]);
    assert_eq!(drawn.status, Some(0), "{}", drawn.stderr);
    assert!(drawn.stdout.starts_with("Pl[31main\n"), "{}", drawn.stdout);
    assert!(!drawn.stdout.contains('\x1b'), "{}", drawn.stdout);
}

#[test]
fn a_set_without_a_value_is_a_matter_of_usage() {
    let ended = Home::new().talkplace(&["run", "three-ways", "--set", "listeners"]);
    assert_eq!(ended.status, Some(2));
    assert!(ended.stderr.contains("KEY=VALUE"), "{}", ended.stderr);
}

#[test]
fn a_lab_is_written_out_for_editing_and_never_over_a_file() {
    let home = Home::new();
    assert_eq!(home.talkplace(&["eject", "three-ways", "mine"]).status, Some(0));
    assert_eq!(home.list("mine"), ["README.md", "README.zh.md", "scenario.toml"]);
    home.write("mine/scenario.toml", "listeners = 7\n");

    let again = home.talkplace(&["eject", "three-ways", "mine"]);
    assert!(
        again
            .refused()
            .contains("mine/README.md, mine/README.zh.md, mine/scenario.toml"),
        "{}",
        again.stderr
    );
    assert_eq!(home.read("mine/scenario.toml"), "listeners = 7\n");
    let knobs = home.talkplace(&["labs", "mine"]);
    assert!(
        knobs
            .stdout
            .lines()
            .any(|line| line.contains("listeners ") && line.contains(" 7 ")),
        "{}",
        knobs.stdout
    );

    assert_eq!(
        home.talkplace(&["eject", "three-ways", "mine", "--force"]).status,
        Some(0)
    );
    assert!(home.read("mine/scenario.toml").contains("long_poll"));
}

#[test]
fn what_is_no_run_is_told_apart() {
    let home = Home::new();
    home.write("empty/notes.txt", "");
    home.write("damaged/results.json", "{\"schema\": 1, \"talk");
    home.write("newer/results.json", "{\"schema\": 1000}");
    for (run, sentence) in [
        ("nothing", "there is no run `nothing`"),
        ("empty", "empty holds no results.json"),
        (".", ". holds no results.json"),
        ("damaged", "damaged/results.json is damaged or is no run's: EOF"),
        ("newer", "newer/results.json was written by a newer talkplace"),
        (
            "newer/results.json",
            "newer/results.json was written by a newer talkplace",
        ),
        (
            "three-ways",
            "there is no complete run in reports/three-ways yet; `talkplace run three-ways` makes one",
        ),
    ] {
        for ended in [home.talkplace(&["report", run]), home.talkplace(&["compare", run, run])] {
            assert!(ended.refused().contains(sentence), "{sentence}\n{}", ended.stderr);
            assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        }
    }
}

#[test]
fn a_place_that_cannot_be_written_to_is_told_before_anything_is_measured() {
    let home = Home::new();
    home.write("reports", "a file of mine");
    let ended = home.talkplace(&["run", "three-ways"]);
    assert!(
        ended
            .refused()
            .contains("nothing can be written into reports/three-ways (name another folder with --out)"),
        "{}",
        ended.stderr
    );
    assert_eq!(home.read("reports"), "a file of mine");
}

#[test]
fn hardly_any_open_files_are_a_sentence_and_no_panic() {
    let home = Home::new();
    let program = home.command(&[]).get_program().to_owned();
    let mut shell = std::process::Command::new("sh");
    shell
        .current_dir(home.path("."))
        .args(["-c", "ulimit -n 8; exec \"$0\" run three-ways"]);
    let ended = shell.arg(program).output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(2), "{told}");
    assert!(told.contains("may open only 8 files"), "{told}");
    assert!(home.list(".").is_empty());
}

#[test]
fn who_stops_reading_is_no_error() {
    use std::process::Stdio;

    let home = Home::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = home.command(&["labs"]).stdout(Stdio::from(writer)).spawn().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
