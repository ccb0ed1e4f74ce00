//! The floor: a server that does nothing but what the system asks of any server.
//!
//! One epoll loop; it knows who waits for what, and writes bytes that were made before. A delivery costs it one write, a poll one read
//! and one write. What it lacks is all that makes a server: it parses nothing, keeps nothing, and trusts everybody.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::wire::{Prepared, SPOKEN};

/// The token of the listening socket; connections have their places.
const SOCKET: u64 = u64::MAX;

struct Peer {
    stream: TcpStream,
    role: Role,
}

/// What a connection has asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Nothing,
    Websocket,
    Events,
    /// A long poll that is held.
    Held,
}

struct Floor {
    epoll: Epoll,
    peers: Vec<Option<Peer>>,
    bytes: Prepared,
    buffer: Vec<u8>,
}

/// Serves on a port of its own, prints where, and ends with its stdin, as the real server does.
pub(crate) fn serve() -> io::Result<()> {
    let socket = TcpListener::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    writeln!(io::stdout(), "listening on {}", socket.local_addr()?)?;
    std::thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0);
    });
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, SOCKET))?;
    let mut floor = Floor {
        epoll,
        peers: Vec::new(),
        bytes: Prepared::new(),
        buffer: vec![0; 64 * 1024],
    };
    let mut events = vec![EpollEvent::empty(); 1024];
    loop {
        let ready = floor.epoll.wait(&mut events, EpollTimeout::NONE)?;
        for event in &events[..ready] {
            match event.data() {
                SOCKET => floor.accept(&socket)?,
                place => floor.read(place as usize)?,
            }
        }
    }
}

impl Floor {
    fn accept(&mut self, socket: &TcpListener) -> io::Result<()> {
        loop {
            let stream = match socket.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let event = EpollEvent::new(EpollFlags::EPOLLIN, self.peers.len() as u64);
            self.epoll.add(&stream, event)?;
            let role = Role::Nothing;
            self.peers.push(Some(Peer { stream, role }));
        }
    }

    fn read(&mut self, place: usize) -> io::Result<()> {
        let Some(peer) = &mut self.peers[place] else {
            return Ok(());
        };
        let taken = match peer.stream.read(&mut self.buffer) {
            Ok(0) | Err(_) => {
                self.peers[place] = None;
                return Ok(());
            }
            Ok(taken) => taken,
        };
        if peer.role == Role::Websocket {
            // All frames that came at once leave at once.
            return self.tell_everybody(taken / SPOKEN);
        }
        let asked = &self.buffer[..taken];
        let answer: &[u8] = if asked.starts_with(b"GET /talkplace/poll?after=") {
            self.bytes.empty
        } else if asked.starts_with(b"GET /talkplace/long-poll?after=") {
            peer.role = Role::Held;
            return Ok(());
        } else if asked.starts_with(b"GET /talkplace/events") {
            peer.role = Role::Events;
            self.bytes.events
        } else if asked.starts_with(b"GET /talkplace ") {
            peer.role = Role::Websocket;
            self.bytes.upgraded
        } else {
            self.bytes.first
        };
        peer.stream.write_all(answer)
    }

    fn tell_everybody(&mut self, messages: usize) -> io::Result<()> {
        let frames = self.bytes.frame.repeat(messages);
        let events = self.bytes.event.repeat(messages);
        for peer in self.peers.iter_mut().flatten() {
            match peer.role {
                Role::Websocket => peer.stream.write_all(&frames)?,
                Role::Events => peer.stream.write_all(&events)?,
                Role::Held => {
                    peer.role = Role::Nothing;
                    peer.stream.write_all(&self.bytes.batch)?;
                }
                Role::Nothing => {}
            }
        }
        Ok(())
    }
}
