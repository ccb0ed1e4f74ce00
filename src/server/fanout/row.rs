use std::cell::RefCell;
use std::os::fd::RawFd;
use std::rc::Rc;

use nix::sys::socket::{MsgFlags, send};
use slab::Slab;

use super::envelope::Envelope;
use super::frames::Frames;
use super::members::TURN;
use super::outbox::Outbox;
use crate::protocol::Seq;

/// Streams whose listeners have heard everything, in a row: the fan-out walks along it and writes to each.
///
/// A seat has what that takes and nothing else, and stands beside the next one in memory. Fetching what else there is of each listener would
/// cost more than everything that the fan-out does beside the system's own work.
#[derive(Default)]
pub(super) struct Row {
    seats: RefCell<Slab<Seat>>,
    /// Who has none, as something waits to be written: looked after by their own tasks.
    waiting: RefCell<Slab<Rc<Outbox>>>,
}

struct Seat {
    fd: RawFd,
    envelope: Envelope,
    heard: Seq,
    /// Keeps the socket open, and takes over where the socket does not take everything.
    outbox: Rc<Outbox>,
}

impl Row {
    /// Gives a stream a seat from which nothing waits to be written.
    pub(super) fn sit(&self, outbox: Rc<Outbox>, fd: RawFd, envelope: Envelope, heard: Seq) -> usize {
        self.seats.borrow_mut().insert(Seat {
            fd,
            envelope,
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
            // The system is asked directly: what the runtime knows of a socket lies elsewhere in memory, too.
            let written = send(
                seat.fd,
                unheard.bytes(),
                MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL,
            );
            let delivered = &mut delivered[seat.envelope as usize];
            if written == Ok(unheard.bytes().len()) {
                seat.heard = unheard.last();
                *delivered += unheard.count();
            } else {
                let seat = seats.remove(key);
                *delivered += seat.outbox.leaves(seat.heard, unheard, written.unwrap_or(0));
            }
        }
        *key < seats.capacity()
    }
}
