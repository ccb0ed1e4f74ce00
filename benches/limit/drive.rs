//! The other side: one thread that listens with all connections, does as little as it can, and counts what it hears.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::wire::{self, SPOKEN};

/// How listeners listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Websocket,
    Events,
    LongPoll,
    ShortPoll,
}

/// The token of the publisher's connection; listeners have their places.
const PUBLISHER: u64 = u64::MAX;
/// Nothing takes that long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(30);

/// All listeners, and whoever says something.
pub(crate) struct Crowd {
    way: Way,
    epoll: Epoll,
    listeners: Vec<Listener>,
    publisher: Option<(TcpStream, Hearing)>,
    buffer: Vec<u8>,
    /// What a poll asks next.
    question: Vec<u8>,
    /// Messages that listeners have heard, or polls that were answered with nothing.
    pub(crate) heard: u64,
    /// Listeners that have begun to listen.
    ready: usize,
}

struct Listener {
    stream: TcpStream,
    hearing: Hearing,
}

/// Where in what the server sends a listener is.
enum Hearing {
    /// In the head of an answer whose bytes end with so much of an empty line.
    Head(usize),
    /// In frames: what is known of a frame's head, and how much of its payload is to come.
    Frames { head: Vec<u8>, left: usize },
    /// In events: so much of the sign of one has come.
    Events(usize),
    /// Before the answer to a poll; whether that is the first, which brings a cursor.
    Poll { is_first: bool },
}

const END_OF_HEAD: &[u8] = b"\r\n\r\n";
const SIGN_OF_EVENT: &[u8] = b"data:";

impl Crowd {
    /// Connects so many listeners, and waits until all of them listen.
    pub(crate) fn connect(way: Way, listeners: usize, server: SocketAddr) -> io::Result<Crowd> {
        let mut crowd = Crowd::empty(way)?;
        crowd.join(listeners, server)?;
        Ok(crowd)
    }

    /// The same, one by one over that time.
    pub(crate) fn connect_over(time: Duration, way: Way, listeners: usize, server: SocketAddr) -> io::Result<Crowd> {
        let mut crowd = Crowd::empty(way)?;
        let start = Instant::now();
        for place in 1..=listeners {
            crowd.join(1, server)?;
            crowd.listen_until(start + time * place as u32 / listeners as u32)?;
        }
        Ok(crowd)
    }

    fn empty(way: Way) -> io::Result<Crowd> {
        Ok(Crowd {
            way,
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            listeners: Vec::new(),
            publisher: None,
            buffer: vec![0; 64 * 1024],
            question: Vec::new(),
            heard: 0,
            ready: 0,
        })
    }

    fn join(&mut self, listeners: usize, server: SocketAddr) -> io::Result<()> {
        let (request, hearing): (Vec<u8>, fn() -> Hearing) = match self.way {
            Way::Websocket => (wire::UPGRADE.to_vec(), || Hearing::Head(0)),
            Way::Events => (wire::EVENTS.to_vec(), || Hearing::Head(0)),
            Way::LongPoll => (wire::poll("long-poll", ""), || Hearing::Poll { is_first: true }),
            Way::ShortPoll => (wire::poll("poll", ""), || Hearing::Poll { is_first: true }),
        };
        let first = self.listeners.len();
        for place in first..first + listeners {
            let stream = self.open(server, place as u64, &request)?;
            self.listeners.push(Listener {
                stream,
                hearing: hearing(),
            });
            // A few at a time, so that no queue of connections overflows.
            if place % 100 == 99 {
                self.until(|crowd| crowd.ready > place)?;
            }
        }
        self.until(|crowd| crowd.ready == first + listeners)
    }

    /// Lets somebody speak, over a WebSocket.
    pub(crate) fn with_publisher(mut self, server: SocketAddr) -> io::Result<Crowd> {
        let ready = self.ready;
        let stream = self.open(server, PUBLISHER, wire::UPGRADE)?;
        self.publisher = Some((stream, Hearing::Head(0)));
        self.until(|crowd| crowd.ready > ready)?;
        Ok(self)
    }

    fn open(&self, server: SocketAddr, token: u64, request: &[u8]) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.write_all(request)?;
        stream.set_nonblocking(true)?;
        self.epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, token))?;
        Ok(stream)
    }

    /// Says `messages` in one write.
    pub(crate) fn say(&mut self, messages: usize) -> io::Result<()> {
        let (stream, _) = self.publisher.as_mut().expect("there is one");
        let frames = wire::spoken().repeat(messages);
        debug_assert_eq!(frames.len(), messages * SPOKEN);
        stream.write_all(&frames)
    }

    /// Listens until something is so.
    pub(crate) fn until(&mut self, is_so: impl Fn(&Crowd) -> bool) -> io::Result<()> {
        let start = Instant::now();
        while !is_so(self) {
            self.turn(Duration::from_millis(100))?;
            if start.elapsed() > PATIENCE {
                let told = format!("{} heard, {} ready after {PATIENCE:?}", self.heard, self.ready);
                return Err(io::Error::new(ErrorKind::TimedOut, told));
            }
        }
        Ok(())
    }

    /// Listens until then.
    pub(crate) fn listen_until(&mut self, end: Instant) -> io::Result<()> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.turn(left)?;
        }
    }

    /// Takes in what has come, or waits so long for something.
    fn turn(&mut self, patience: Duration) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); 256];
        // Rounded up, or the last millisecond would be spent in a loop.
        let patience = EpollTimeout::try_from(patience + Duration::from_millis(1)).unwrap_or(EpollTimeout::MAX);
        let ready = self.epoll.wait(&mut events, patience)?;
        for event in &events[..ready] {
            self.read(event.data())?;
        }
        Ok(())
    }

    fn read(&mut self, token: u64) -> io::Result<()> {
        let Crowd {
            way,
            listeners,
            publisher,
            buffer,
            question,
            heard,
            ready,
            ..
        } = self;
        let is_listener = token != PUBLISHER;
        let (stream, hearing) = if is_listener {
            let listener = &mut listeners[token as usize];
            (&mut listener.stream, &mut listener.hearing)
        } else {
            let (stream, hearing) = publisher.as_mut().expect("its token is in use");
            (stream, hearing)
        };
        let taken = match stream.read(buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(taken) => taken,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut bytes = &buffer[..taken];
        if let Hearing::Head(matched) = hearing {
            match seek(END_OF_HEAD, matched, bytes) {
                None => return Ok(()),
                Some(end) => bytes = &bytes[end..],
            }
            *ready += 1;
            *hearing = match way {
                Way::Events if is_listener => Hearing::Events(0),
                _ => Hearing::Frames {
                    head: Vec::new(),
                    left: 0,
                },
            };
        }
        let news = match hearing {
            Hearing::Head(_) => 0,
            Hearing::Frames { head, left } => frames(head, left, bytes, stream)?,
            Hearing::Events(matched) => events(matched, bytes),
            Hearing::Poll { is_first } => {
                // An empty answer brings no cursor: the same question again.
                if let Some(next) = next(bytes) {
                    let path = if *way == Way::ShortPoll { "poll" } else { "long-poll" };
                    *question = wire::poll(path, next);
                }
                stream.write_all(question)?;
                *ready += usize::from(*is_first);
                u64::from(!std::mem::replace(is_first, false))
            }
        };
        if is_listener {
            *heard += news;
        }
        Ok(())
    }
}

/// Where `sign` ends in `bytes`, of which so much came before; no part of a sign begins within it but at its start.
fn seek(sign: &[u8], matched: &mut usize, bytes: &[u8]) -> Option<usize> {
    for (place, byte) in bytes.iter().enumerate() {
        if *byte == sign[*matched] {
            *matched += 1;
        } else {
            *matched = usize::from(*byte == sign[0]);
        }
        if *matched == sign.len() {
            *matched = 0;
            return Some(place + 1);
        }
    }
    None
}

fn events(matched: &mut usize, mut bytes: &[u8]) -> u64 {
    let mut news = 0;
    while let Some(end) = seek(SIGN_OF_EVENT, matched, bytes) {
        news += 1;
        bytes = &bytes[end..];
    }
    news
}

/// Reads frames from a server: how many were messages. Pings are answered.
fn frames(head: &mut Vec<u8>, left: &mut usize, mut bytes: &[u8], stream: &mut TcpStream) -> io::Result<u64> {
    let mut news = 0;
    while !bytes.is_empty() {
        if *left > 0 {
            let taken = bytes.len().min(*left);
            bytes = &bytes[taken..];
            *left -= taken;
            continue;
        }
        head.push(bytes[0]);
        bytes = &bytes[1..];
        *left = match head[..] {
            [_, length @ 0..126] => usize::from(length),
            [_, 126, high, low] => usize::from(u16::from_be_bytes([high, low])),
            _ => continue,
        };
        match head[0] & 0xf {
            0x1 => news += 1,
            0x9 => stream.write_all(&wire::frame_from_client(0xa, &[]))?,
            _ => {}
        }
        head.clear();
    }
    Ok(news)
}

/// The cursor in an answer that brings one; answers are short, and come in one piece.
fn next(answer: &[u8]) -> Option<&str> {
    const SIGN: &[u8] = b"{\"next\":\"";
    let start = answer.windows(SIGN.len()).position(|window| window == SIGN)? + SIGN.len();
    let length = answer[start..].iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&answer[start..start + length]).ok()
}
