use std::cell::{Cell, RefCell};
use std::os::fd::RawFd;
use std::rc::Rc;
use std::time::Duration;

use nix::sys::socket::{MsgFlags, send};
use slab::Slab;
use tokio::sync::Notify;
use tokio::time::sleep_until;

use super::envelope::Envelope;
use super::frames::Frames;
use super::members::TURN;
use super::outbox::Outbox;
use crate::protocol::Seq;
use crate::server::beat::Beat;

/// Streams whose listeners have heard everything, in a row: the fan-out walks along it and writes to each.
///
/// A seat has what that takes and nothing else, and stands beside the next one in memory. Fetching what else there is of each listener would
/// cost more than everything that the fan-out does beside the system's own work.
pub(super) struct Row {
    seats: RefCell<Slab<Seat>>,
    /// Who has none, as something waits to be written: looked after by their own tasks.
    waiting: RefCell<Slab<Rc<Outbox>>>,
    /// When streams that say nothing get a comment.
    beat: Beat,
    /// How many of these have each beat of the round as their own.
    beating: [Cell<u32>; Beat::ROUND as usize],
    /// The first of them has come.
    came: Notify,
}

struct Seat {
    fd: RawFd,
    envelope: Envelope,
    /// Its own, of an event stream.
    beat: Option<u8>,
    heard: Seq,
    /// Keeps the socket open, and takes over where the socket does not take everything.
    outbox: Rc<Outbox>,
}

impl Row {
    /// One in which event streams get a comment once in `heartbeat`.
    pub(super) fn new(heartbeat: Duration) -> Self {
        Row {
            seats: RefCell::default(),
            waiting: RefCell::default(),
            beat: Beat::new(heartbeat),
            beating: Default::default(),
            came: Notify::new(),
        }
    }

    /// Gives a stream a seat from which nothing waits to be written.
    pub(super) fn sit(&self, outbox: Rc<Outbox>, fd: RawFd, envelope: Envelope, beat: Option<u8>, heard: Seq) -> usize {
        self.seats.borrow_mut().insert(Seat {
            fd,
            envelope,
            beat,
            heard,
            outbox,
        })
    }

    /// Takes the seat back; gives what was heard there.
    pub(super) fn stand(&self, key: usize) -> Seq {
        self.seats.borrow_mut().remove(key).heard
    }

    /// Takes in one that has no seat.
    pub(super) fn wait(&self, outbox: Rc<Outbox>) -> usize {
        self.waiting.borrow_mut().insert(outbox)
    }

    /// Lets one go that had no seat.
    pub(super) fn go(&self, key: usize) {
        self.waiting.borrow_mut().remove(key);
    }

    /// Tells what each has heard.
    pub(super) fn each_heard(&self, mut tell: impl FnMut(Envelope, Seq)) {
        let (seats, waiting) = (self.seats.borrow(), self.waiting.borrow());
        seats.iter().for_each(|(_, seat)| tell(seat.envelope, seat.heard));
        for (_, outbox) in waiting.iter() {
            let (envelope, heard) = outbox.heard();
            tell(envelope, heard);
        }
    }

    /// Has each listener's own task look.
    pub(super) fn call(&self) {
        self.seats.borrow().iter().for_each(|(_, seat)| seat.outbox.call());
    }

    /// Writes what is new to everybody, and lets others have their turn in between. Who sits down meanwhile has heard it. Gives how many
    /// messages were written in each envelope.
    pub(super) async fn write(&self, mut wrapped: impl FnMut(Envelope) -> Rc<Frames>) -> [u64; Envelope::COUNT] {
        let mut delivered = [0; Envelope::COUNT];
        let mut key = 0;
        while self.turn(&mut key, &mut wrapped, &mut delivered) {
            tokio::task::yield_now().await;
        }
        delivered
    }

    /// Writes to some from `key` on; whether there are more.
    fn turn(
        &self,
        key: &mut usize,
        wrapped: &mut impl FnMut(Envelope) -> Rc<Frames>,
        delivered: &mut [u64; Envelope::COUNT],
    ) -> bool {
        let mut seats = self.seats.borrow_mut();
        let turn = *key..seats.capacity().min(*key + TURN);
        *key = turn.end;
        for key in turn {
            let Some(seat) = seats.get_mut(key) else { continue };
            let frames = wrapped(seat.envelope);
            let Some(unheard) = frames.after(seat.heard) else {
                continue;
            };
            let written = write(seat.fd, unheard.bytes());
            let delivered = &mut delivered[seat.envelope as usize];
            if written == unheard.bytes().len() {
                seat.heard = unheard.last();
                *delivered += unheard.count();
            } else {
                let seat = seats.remove(key);
                *delivered += seat.outbox.leaves(seat.heard, unheard, written);
            }
        }
        *key < seats.capacity()
    }

    /// Takes in a stream that is to be kept alive; gives the beat that it has as its own.
    pub(super) fn joins(&self) -> u8 {
        let beat = (self.beat.passed() % Beat::ROUND) as u8;
        self.beating[usize::from(beat)].update(|streams| streams + 1);
        self.came.notify_one();
        beat
    }

    /// Lets one go that had this beat.
    pub(super) fn leaves(&self, beat: u8) {
        self.beating[usize::from(beat)].update(|streams| streams - 1);
    }

    /// Writes a comment to each event stream on each of its beats; for ever.
    pub(super) async fn keep_alive(&self) {
        let mut last = self.beat.passed();
        loop {
            let is_somebodys = |beat: &u64| self.beating[(beat % Beat::ROUND) as usize].get() > 0;
            // Whoever comes meanwhile is due a round later.
            let Some(next) = (last + 1..=last + Beat::ROUND).find(is_somebodys) else {
                self.came.notified().await;
                last = self.beat.passed();
                continue;
            };
            sleep_until(self.beat.at(next)).await;
            self.comment((next % Beat::ROUND) as u8).await;
            last = next;
        }
    }

    /// A comment to each stream that has this beat, unless something waits for it anyway.
    pub(super) async fn comment(&self, beat: u8) {
        let mut key = 0;
        while self.comment_some(&mut key, beat) {
            tokio::task::yield_now().await;
        }
    }

    /// Writes comments to some from `key` on; whether there are more. Whom it passes by takes next to no time, and is not counted.
    fn comment_some(&self, key: &mut usize, beat: u8) -> bool {
        let mut seats = self.seats.borrow_mut();
        let mut left = TURN;
        while *key < seats.capacity() && left > 0 {
            if let Some(seat) = seats.get(*key).filter(|seat| seat.beat == Some(beat)) {
                left -= 1;
                let comment = seat.envelope.comment();
                let written = write(seat.fd, comment);
                if written < comment.len() {
                    let seat = seats.remove(*key);
                    seat.outbox.leaves_with(seat.heard, &comment[written..]);
                }
            }
            *key += 1;
        }
        *key < seats.capacity()
    }
}

/// Bytes that a socket has taken. The system is asked directly: what the runtime knows of a socket lies elsewhere in memory, too.
fn write(fd: RawFd, bytes: &[u8]) -> usize {
    // Why it took none is found out by the listener's own task.
    send(fd, bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL).unwrap_or(0)
}
