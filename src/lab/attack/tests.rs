//! The attack on servers that hold, that do not, and that are none.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use super::*;
use crate::server::{self, Config};

/// A server in a thread of its own, for as long as the test process lives.
fn serving(check_origin: bool) -> SocketAddr {
    let socket = server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let config = Config {
        workers: 1,
        check_origin,
        ..Config::default()
    };
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(server::run(vec![socket], config, std::future::pending()))
    });
    address
}

/// A server that answers every request with this, as far as it is one that a page would make.
fn answering(answer: &'static str) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in socket.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).unwrap_or(0) > 0 && line != "\r\n" {
                let lower = line.to_lowercase();
                let named = lower
                    .strip_prefix("content-length:")
                    .and_then(|length| length.trim().parse().ok());
                length = named.unwrap_or(length);
                line.clear();
            }
            let _ = reader.read_exact(&mut vec![0; length]);
            let _ = reader.get_mut().write_all(answer.as_bytes());
        }
    });
    address
}

fn outcomes(steps: &[Step]) -> Vec<(&str, bool)> {
    let tried = steps.iter().filter_map(|step| match &step.outcome {
        Outcome::Held(_) => Some((step.title, true)),
        Outcome::Broken(_) => Some((step.title, false)),
        Outcome::Seen(_) | Outcome::Untried => None,
    });
    tried.collect()
}

#[test]
fn a_server_that_checks_holds() {
    let mut told = 0;
    let steps = attack(serving(true), |number, _| told = number).unwrap();
    assert_eq!((told, steps.len()), (10, 10));
    let outcomes = outcomes(&steps);
    assert_eq!(outcomes.len(), 8);
    assert!(outcomes.iter().all(|(_, held)| *held), "{outcomes:?}");
}

#[test]
fn without_the_check_of_the_origin_a_page_from_elsewhere_speaks_in_her_name() {
    let steps = attack(serving(false), |_, _| {}).unwrap();
    let broken: Vec<&str> = outcomes(&steps)
        .into_iter()
        .filter_map(|(title, held)| (!held).then_some(title))
        .collect();
    assert_eq!(
        broken,
        ["A page from elsewhere opens a WebSocket", "The same page posts"]
    );
    let upgraded = steps.iter().find(|step| step.title == broken[0]).unwrap();
    assert!(
        upgraded
            .wire
            .iter()
            .any(|crossing| matches!(crossing, Crossing::Frame(..)))
    );
    let Outcome::Broken(said) = &upgraded.outcome else {
        panic!("it broke")
    };
    assert!(said.contains("I owe Mallory a dinner"), "{said}");
}

#[test]
fn a_server_that_believes_everything_does_not_hold() {
    let credulous = answering(
        "HTTP/1.1 200 OK\r\nSet-Cookie: name=eyJuYW1lIjoiQWxpY2UifQ==\r\nContent-Length: 16\r\n\r\n{\"name\":\"Alice\"}",
    );
    let steps = attack(credulous, |_, _| {}).unwrap();
    assert!(outcomes(&steps).iter().all(|(_, held)| !held), "{steps:#?}");
}

#[test]
fn what_is_no_server_is_told_apart() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(matches!(attack(nobody, |_, _| {}), Err(AttackError::Silent { .. })));
    let other = answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(attack(other, |_, _| {}), Err(AttackError::NotOurs { .. })));
    let garbage = answering("hello\r\n\r\n");
    assert!(matches!(attack(garbage, |_, _| {}), Err(AttackError::Silent { .. })));
}
