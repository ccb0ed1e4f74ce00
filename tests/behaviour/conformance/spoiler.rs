//! A go-between that changes some words of what passes it, so that a server that does everything right does one thing wrong.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Which direction is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Requests,
    Answers,
}

pub(super) struct Spoiler {
    pub(super) address: SocketAddr,
}

impl Spoiler {
    /// Stands before a server, for as long as the test runs.
    pub(super) fn before(server: SocketAddr, way: Way, right: &str, wrong: &str) -> Spoiler {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let change = (right.as_bytes().to_vec(), wrong.as_bytes().to_vec());
        thread::spawn(move || {
            for client in socket.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
                let (back, forth) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let of = |this: Way| (way == this).then(|| change.clone());
                let (requests, answers) = (of(Way::Requests), of(Way::Answers));
                thread::spawn(move || pass(client, forth, requests.as_ref()));
                thread::spawn(move || pass(server, back, answers.as_ref()));
            }
        });
        Spoiler { address }
    }
}

/// Words are found where they come in one piece, which they do on this machine: heads and messages are small.
fn pass(mut from: TcpStream, mut to: TcpStream, change: Option<&(Vec<u8>, Vec<u8>)>) {
    to.set_nodelay(true).unwrap();
    let mut bytes = vec![0; 1 << 16];
    let mut passed = || -> io::Result<bool> {
        let length = from.read(&mut bytes)?;
        match change {
            Some((right, wrong)) => to.write_all(&changed(&bytes[..length], right, wrong))?,
            None => to.write_all(&bytes[..length])?,
        }
        Ok(length > 0)
    };
    while let Ok(true) = passed() {}
    let _ = to.shutdown(Shutdown::Write);
}

fn changed(bytes: &[u8], right: &[u8], wrong: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix(right) {
            all.extend(wrong);
            rest = behind;
        } else {
            all.push(rest[0]);
            rest = &rest[1..];
        }
    }
    all
}
