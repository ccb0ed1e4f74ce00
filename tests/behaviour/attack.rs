//! `talkplace attack`, and the flag that lets it succeed.

use crate::server::Server;
use crate::serving::Serving;
use crate::support::Home;

#[test]
fn the_attack_shows_its_bytes_and_the_server_holds() {
    let home = Home::new();
    let ended = home.talkplace(&["attack", "who-is-there"]);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.ends_with("\nThe server held.\n"), "{}", ended.stdout);
    for shown in [
        "1. Two people sign in",
        "   > POST /signin HTTP/1.1\n",
        "   < HTTP/1.1 302 Found\n",
        "   < HTTP/1.1 401 Unauthorized\n",
        "   > Origin: http://127.0.0.1:4000\n",
        "   < HTTP/1.1 403 Forbidden\n",
        "   < HTTP/1.1 101 Switching Protocols\n",
        "   HELD: ",
    ] {
        assert!(ended.stdout.contains(shown), "{shown}\n{}", ended.stdout);
    }
    assert!(!ended.stdout.contains("BROKEN"), "{}", ended.stdout);
    assert!(home.list(".").is_empty());
}

#[test]
fn without_the_check_it_gets_through_and_the_status_says_so() {
    let ended = Home::new().talkplace(&["attack", "9", "--without-origin-check"]);
    assert_eq!(ended.status, Some(1), "{}{}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("(a masked frame: I owe Mallory a dinner.)"),
        "{}",
        ended.stdout
    );
    assert!(
        ended
            .stdout
            .ends_with("The server did not hold:\n  A page from elsewhere opens a WebSocket\n  The same page posts\n"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_server_that_runs_is_attacked_where_it_is() {
    let (home, server) = (Home::new(), Server::start());
    let ended = home.talkplace(&["attack", "--server", &server.address.to_string()]);
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    let nobody = home.talkplace(&["attack", "--server", "127.0.0.1:1"]);
    assert!(
        nobody.refused().contains("127.0.0.1:1 does not answer"),
        "{}",
        nobody.stderr
    );
    let far = home.talkplace(&["attack", "--server", "192.0.2.1:80"]);
    assert!(far.refused().contains("not on this computer"), "{}", far.stderr);
    let other = home.talkplace(&["attack", "three-ways"]);
    assert!(
        other.refused().contains("has no attack; who-is-there has one"),
        "{}",
        other.stderr
    );
}

#[test]
fn the_check_of_the_origin_is_only_left_out_where_nobody_else_comes() {
    let home = Home::new();
    let flag = "--without-origin-check";
    for (arguments, told) in [
        (vec!["--listen", "0.0.0.0:0", flag], "0.0.0.0:"),
        (vec!["--listen", "127.0.0.1:0", "--listen", "[::]:0", flag], "[::]:"),
        (vec!["--listen", "127.0.0.1:0", flag, "--trust-proxy"], "choose one"),
    ] {
        let ended = home.talkplace(&[&["serve"], arguments.as_slice()].concat());
        assert!(ended.refused().contains(told), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    }
    let serving = Serving::start(home.command(&["serve", "--listen", "127.0.0.1:0", flag]));
    let ended = home.talkplace(&["attack", "--server", &serving.address]);
    assert_eq!(ended.status, Some(1), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn it_is_never_left_out_for_those_who_start_programs() {
    let reports = tempfile::tempdir().unwrap();
    let server = Server::with(|config| {
        config.check_origin = false;
        config.labs = crate::server::labs::labs(reports.path());
    });
    let mut client = crate::server::http::Client::connect(server.address);
    let headers = [
        ("Origin", "http://evil.example"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let path = "http://localhost/labs/01-three-ways/runs";
    assert_eq!(client.request("POST", path, &headers, b"quick=on").status, 403);
}
