use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

/// Wakes all who wait on one worker: held polls and event streams.
///
/// It rings for every message (and for the end of the server) and says only "look again". There is one a worker, and all
/// who use it are tasks of that worker, so that nobody meets at a lock.
pub(super) struct Bell {
    rings: Cell<u64>,
    waiting: RefCell<Slab<Option<Waker>>>,
}

/// A place at the bell; leaves it when dropped.
pub(super) struct Place {
    bell: Rc<Bell>,
    key: usize,
}

impl Bell {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Bell {
            rings: Cell::new(0),
            waiting: RefCell::default(),
        })
    }

    /// Wakes everybody who waits.
    pub(super) fn ring(&self) {
        self.rings.set(self.rings.get() + 1);
        for (_, waker) in self.waiting.borrow_mut().iter_mut() {
            if let Some(waker) = waker.take() {
                waker.wake();
            }
        }
    }

    /// How often it has rung: taken before looking, so that no ring between looking and waiting is missed.
    pub(super) fn rings(&self) -> u64 {
        self.rings.get()
    }

    /// A place to wait in.
    pub(super) fn place(self: &Rc<Self>) -> Place {
        Place {
            key: self.waiting.borrow_mut().insert(None),
            bell: Rc::clone(self),
        }
    }
}

impl Place {
    /// Ready once the bell has rung more than `seen` times. Dropping it loses nothing.
    pub(super) async fn rung(&self, seen: u64) {
        poll_fn(|cx| self.poll_rung(cx, seen)).await;
    }

    /// [`rung`](Place::rung), for those who poll.
    pub(super) fn poll_rung(&self, cx: &mut Context<'_>, seen: u64) -> Poll<()> {
        if self.bell.rings() > seen {
            return Poll::Ready(());
        }
        let mut waiting = self.bell.waiting.borrow_mut();
        match &mut waiting[self.key] {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.bell.waiting.borrow_mut().remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ring_between_looking_and_waiting_is_not_missed() {
        let bell = Bell::new();
        let place = bell.place();
        let seen = bell.rings();
        bell.ring();
        place.rung(seen).await;
    }

    #[tokio::test]
    async fn everybody_who_waits_is_woken() {
        let bell = Bell::new();
        let (a, b) = (bell.place(), bell.place());
        let seen = bell.rings();
        let ring = async { bell.ring() };
        tokio::join!(a.rung(seen), b.rung(seen), ring);
    }

    #[test]
    fn whoever_leaves_gives_the_place_back() {
        let bell = Bell::new();
        drop(bell.place());
        assert!(bell.waiting.borrow().is_empty());
    }
}
