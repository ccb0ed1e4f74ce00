//! What the system itself counted on the listeners' connections: segments, and those that had to be sent again.
//!
//! Bytes that cross a socket are not what crosses a wire: every segment has headers of its own, and many segments carry nothing but
//! an acknowledgement. Linux keeps the counts of each connection in `TCP_INFO`, and its sock_diag service
//! (sock_diag(7), linux/inet_diag.h) tells those of all connections in one go, at both ends of the window. They are read here by
//! hand: `getsockopt` would need `unsafe`, and the structure only ever grows at its end, so that fixed places
//! serve every kernel. Other systems tell nothing.

use std::collections::{HashMap, HashSet};

use crate::results::Segments;

/// What one end of a connection has sent and received so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    segments_out: u32,
    segments_in: u32,
    data_out: u32,
    data_in: u32,
    retransmitted: u32,
    /// Of one segment: IP and TCP, with the option that every segment of the connection carries.
    header_bytes: u32,
    /// Memory that the kernel holds for what is under way.
    buffer_bytes: u64,
}

/// Both ends of the listeners' connections at one instant, as far as they are on this machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    /// By the system's own number of a connection, which it never gives twice.
    listeners: HashMap<u64, Counted>,
    server: HashMap<u64, Counted>,
}

impl Snapshot {
    /// Looks at the connections from these ports of ours to a server. `None` where the system does not tell.
    pub(crate) fn take(server: std::net::SocketAddr, ports: &HashSet<u16>) -> Option<Snapshot> {
        let mut snapshot = Snapshot::default();
        for (end, asked) in [
            (&mut snapshot.listeners, system::End::Listeners),
            (&mut snapshot.server, system::End::Server),
        ] {
            let told = system::connections(server, asked)?;
            let ours = told.into_iter().filter(|each| ports.contains(&each.listener_port));
            end.extend(ours.map(|each| (each.cookie, each.counted)));
        }
        Some(snapshot)
    }

    /// The memory that the kernel holds for what is under way on the server's end; `None` of a server on another machine.
    pub(crate) fn server_buffer_bytes(&self) -> Option<u64> {
        let bytes = self.server.values().map(|each| each.buffer_bytes).sum();
        (!self.server.is_empty()).then_some(bytes)
    }

    /// What came to the listeners from `start` to here.
    fn coming_since(&self, start: &Snapshot) -> Segments {
        let mut sum = Segments {
            // A connection that ended in between took its counts with it.
            missing: start
                .listeners
                .keys()
                .filter(|key| !self.listeners.contains_key(key))
                .count() as u64,
            ..Segments::default()
        };
        for (key, end) in &self.listeners {
            let since = end.since(start.listeners.get(key));
            sum.connections += 1;
            sum.to_listener += u64::from(since.segments_in);
            sum.data_to_listener += u64::from(since.data_in);
            sum.header_bytes += u64::from(end.header_bytes) * u64::from(since.segments_in);
        }
        for (key, end) in &self.server {
            sum.retransmitted += u64::from(end.since(start.server.get(key)).retransmitted);
        }
        sum
    }

    /// What the listeners sent from `start` to here.
    fn going_since(&self, start: &Snapshot) -> Segments {
        let mut sum = Segments::default();
        for (key, end) in &self.listeners {
            let since = end.since(start.listeners.get(key));
            sum.to_server += u64::from(since.segments_out);
            sum.data_to_server += u64::from(since.data_out);
            sum.retransmitted += u64::from(since.retransmitted);
            sum.header_bytes += u64::from(end.header_bytes) * u64::from(since.segments_out);
        }
        sum
    }
}

/// The counts at one edge of the window, by the listener's side of the link, as bytes and deliveries are counted. The system counts at the
/// server's side: what comes to the listeners crossed that one way before, and what they send crosses it one way after.
#[derive(Debug, Default)]
pub(crate) struct Edge {
    /// One way before it.
    pub(crate) coming: Snapshot,
    /// One way after it.
    pub(crate) going: Snapshot,
}

impl Edge {
    /// What happened from `start` to here.
    pub(crate) fn since(&self, start: &Edge) -> Segments {
        let coming = self.coming.coming_since(&start.coming);
        let going = self.going.going_since(&start.going);
        Segments {
            to_server: going.to_server,
            data_to_server: going.data_to_server,
            retransmitted: coming.retransmitted + going.retransmitted,
            header_bytes: coming.header_bytes + going.header_bytes,
            ..coming
        }
    }
}

impl Counted {
    /// Without what was counted before; a connection that was not there has counted nothing.
    fn since(&self, before: Option<&Counted>) -> Counted {
        let Some(before) = before else { return *self };
        // The system's counts have 32 bits and start again behind the last.
        Counted {
            segments_out: self.segments_out.wrapping_sub(before.segments_out),
            segments_in: self.segments_in.wrapping_sub(before.segments_in),
            data_out: self.data_out.wrapping_sub(before.data_out),
            data_in: self.data_in.wrapping_sub(before.data_in),
            retransmitted: self.retransmitted.wrapping_sub(before.retransmitted),
            ..*self
        }
    }
}

/// The memory that the kernel holds for what is under way on all connections of a server on this machine; `None` where it does not tell.
pub(crate) fn buffer_bytes(server: std::net::SocketAddr) -> Option<u64> {
    let connections = system::connections(server, system::End::Server)?;
    Some(connections.iter().map(|each| each.counted.buffer_bytes).sum())
}

/// One end of a connection.
#[derive(Debug)]
struct Connection {
    listener_port: u16,
    cookie: u64,
    counted: Counted,
}

#[cfg(target_os = "linux")]
mod system {
    use std::net::SocketAddr;
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{
        AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
    };

    use super::{Connection, Counted};

    /// Whose end of the connections.
    #[derive(Clone, Copy)]
    pub(super) enum End {
        Listeners,
        Server,
    }

    // linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, linux/tcp.h.
    const NETLINK_HEADER: usize = 16;
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const REQUEST_AND_DUMP: u16 = 0x301;
    const NLMSG_ERROR: u16 = 2;
    const NLMSG_DONE: u16 = 3;
    const PROTOCOL_TCP: u8 = 6;
    const ESTABLISHED: u32 = 1 << 1;
    const INET_DIAG_INFO: u16 = 2;
    const INET_DIAG_SKMEMINFO: u16 = 7;
    /// `struct inet_diag_msg`.
    const DIAG_MESSAGE: usize = 72;
    /// The kernel fills at most so much at a time.
    const ANSWER: usize = 64 * 1024;
    const TIMESTAMPS: u8 = 1;

    /// Every established connection to or from the server; `None` when the system does not tell.
    pub(super) fn connections(server: SocketAddr, end: End) -> Option<Vec<Connection>> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let kernel = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            flags,
            SockProtocol::NetlinkSockDiag,
        )
        .ok()?;
        let fd = kernel.as_raw_fd();
        sendto(fd, &request(server, end), &NetlinkAddr::new(0, 0), MsgFlags::empty()).ok()?;
        let mut connections = Vec::new();
        let mut answer = vec![0; ANSWER];
        loop {
            let length = recv(fd, &mut answer, MsgFlags::empty()).ok()?;
            let mut rest = answer.get(..length)?;
            while !rest.is_empty() {
                let length = u32_at(rest, 0)? as usize;
                let message = rest.get(NETLINK_HEADER..length)?;
                match u16_at(rest, 4)? {
                    NLMSG_DONE => return Some(connections),
                    NLMSG_ERROR => return None,
                    _ => connections.extend(connection(message, end)),
                }
                rest = rest.get(aligned(length)..).unwrap_or_default();
            }
        }
    }

    /// The question, 72 bytes: a header, and a `struct inet_diag_req_v2` that names the server's port and nothing else.
    fn request(server: SocketAddr, end: End) -> Vec<u8> {
        let mut request = Vec::with_capacity(72);
        request.extend(72u32.to_ne_bytes());
        request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        request.extend(REQUEST_AND_DUMP.to_ne_bytes());
        // Its number and our own: there is only one question.
        request.extend([0; 8]);
        let family = if server.is_ipv4() {
            AddressFamily::Inet
        } else {
            AddressFamily::Inet6
        };
        let wanted = (1 << (INET_DIAG_INFO - 1)) | (1 << (INET_DIAG_SKMEMINFO - 1));
        request.extend([family as u8, PROTOCOL_TCP, wanted, 0]);
        request.extend(ESTABLISHED.to_ne_bytes());
        let (from, to) = match end {
            End::Listeners => (0, server.port()),
            End::Server => (server.port(), 0),
        };
        request.extend(u16::to_be_bytes(from));
        request.extend(u16::to_be_bytes(to));
        request.resize(72, 0);
        request
    }

    /// Reads a `struct inet_diag_msg` and the attributes behind it.
    fn connection(message: &[u8], end: End) -> Option<Connection> {
        let port = |at: usize| Some(u16::from_be_bytes(message.get(at..at + 2)?.try_into().ok()?));
        let ip_header = if *message.first()? == AddressFamily::Inet as u8 {
            20
        } else {
            40
        };
        let (mut counted, mut buffer_bytes) = (None, 0);
        let mut rest = message.get(DIAG_MESSAGE..)?;
        while let (Some(length), Some(kind)) = (u16_at(rest, 0), u16_at(rest, 2)) {
            let value = rest.get(4..usize::from(length))?;
            match kind {
                INET_DIAG_INFO => counted = counts(value, ip_header),
                INET_DIAG_SKMEMINFO => buffer_bytes = buffers(value).unwrap_or(0),
                _ => {}
            }
            rest = rest.get(aligned(length.into())..).unwrap_or_default();
        }
        Some(Connection {
            listener_port: match end {
                End::Listeners => port(4)?,
                End::Server => port(6)?,
            },
            cookie: u64::from_ne_bytes(message.get(44..52)?.try_into().ok()?),
            counted: Counted {
                buffer_bytes,
                ..counted?
            },
        })
    }

    /// The places of `struct tcp_info` that matter here.
    fn counts(info: &[u8], ip_header: u32) -> Option<Counted> {
        let has_timestamps = info.get(5)? & TIMESTAMPS != 0;
        Some(Counted {
            retransmitted: u32_at(info, 100)?,
            segments_out: u32_at(info, 136)?,
            segments_in: u32_at(info, 140)?,
            data_in: u32_at(info, 152)?,
            data_out: u32_at(info, 156)?,
            header_bytes: ip_header + 20 + if has_timestamps { 12 } else { 0 },
            buffer_bytes: 0,
        })
    }

    /// Of the nine figures about a socket's memory: what waits to be read, what was set aside, and what waits to be sent.
    fn buffers(memory: &[u8]) -> Option<u64> {
        let figure = |n: usize| Some(u64::from(u32_at(memory, 4 * n)?));
        Some(figure(0)? + figure(4)? + figure(5)?)
    }

    fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
        Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
    }

    fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
        Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
    }

    /// Messages and attributes begin at multiples of four.
    fn aligned(length: usize) -> usize {
        length.next_multiple_of(4).max(4)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    /// Whose end of the connections.
    pub(super) enum End {
        Listeners,
        Server,
    }

    /// Nothing is told.
    pub(super) fn connections(_server: std::net::SocketAddr, _end: End) -> Option<Vec<super::Connection>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(out: u32, back: u32) -> Counted {
        Counted {
            segments_out: out,
            segments_in: back,
            data_out: out / 2,
            data_in: back / 2,
            retransmitted: 1,
            header_bytes: 52,
            buffer_bytes: 4096,
        }
    }

    fn snapshot(listeners: &[(u64, Counted)], server: &[(u64, Counted)]) -> Snapshot {
        Snapshot {
            listeners: listeners.iter().copied().collect(),
            server: server.iter().copied().collect(),
        }
    }

    fn edge(coming: Snapshot, going: Snapshot) -> Edge {
        Edge { coming, going }
    }

    #[cfg(target_os = "linux")]
    fn look(server: std::net::SocketAddr, ports: &HashSet<u16>) -> Option<Edge> {
        Some(edge(Snapshot::take(server, ports)?, Snapshot::take(server, ports)?))
    }

    #[test]
    fn what_was_counted_before_the_window_is_taken_off() {
        let start = || snapshot(&[(1, counted(u32::MAX, 10)), (2, counted(5, 5))], &[]);
        // The first goes on, the second ended, the third is new.
        let end = || snapshot(&[(1, counted(9, 30)), (3, counted(4, 2))], &[(7, counted(0, 0))]);
        let since = edge(end(), end()).since(&edge(start(), start()));
        assert_eq!((since.connections, since.missing), (2, 1));
        assert_eq!((since.to_server, since.to_listener), (10 + 4, 20 + 2));
        assert_eq!(since.retransmitted, 2);
        assert_eq!(since.header_bytes, 52 * 36);
        assert_eq!(end().server_buffer_bytes(), Some(4096));
        assert_eq!(start().server_buffer_bytes(), None);
    }

    #[test]
    fn each_direction_goes_by_its_own_side_of_the_link() {
        let at = |out, back| snapshot(&[(1, counted(out, back))], &[]);
        let since = edge(at(20, 50), at(24, 58)).since(&edge(at(10, 10), at(12, 16)));
        assert_eq!((since.to_listener, since.data_to_listener), (50 - 10, 25 - 5));
        assert_eq!((since.to_server, since.data_to_server), (24 - 12, 12 - 6));
        assert_eq!(since.header_bytes, 52 * (40 + 12));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_counts_the_segments_of_a_connection() {
        use std::io::{Read, Write};
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let mut ours = std::net::TcpStream::connect(address).unwrap();
        let (mut theirs, _) = socket.accept().unwrap();
        let ports = HashSet::from([ours.local_addr().unwrap().port()]);
        // A sandbox may keep the service to itself; then there is nothing to compare.
        let Some(before) = look(address, &ports) else {
            return;
        };
        let mut buffer = [0; 100];
        for _ in 0..5 {
            ours.write_all(&[7; 100]).unwrap();
            theirs.read_exact(&mut buffer).unwrap();
            theirs.write_all(&buffer).unwrap();
            ours.read_exact(&mut buffer).unwrap();
        }
        let since = look(address, &ports).unwrap().since(&before);
        assert_eq!((since.connections, since.missing), (1, 0));
        assert_eq!((since.data_to_server, since.data_to_listener), (5, 5));
        assert!(since.to_server >= 5 && since.to_listener >= 5, "{since:?}");
        assert!(since.header_bytes >= 10 * 40, "{since:?}");
        let others = look(address, &HashSet::new()).unwrap();
        assert_eq!(others.since(&before).connections, 0, "only what was asked for");
    }
}
