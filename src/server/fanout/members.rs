use std::cell::RefCell;
use std::rc::Rc;

use slab::Slab;

/// Listeners served before other tasks of the worker get their turn.
pub(super) const TURN: usize = 128;

/// Who is there, while they come and go.
pub(in crate::server) struct Members<T>(RefCell<Slab<Rc<T>>>);

/// A place among them; leaves it when dropped.
pub(in crate::server) struct Membership<T> {
    members: Rc<Members<T>>,
    key: usize,
}

impl<T> Members<T> {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Members(RefCell::default()))
    }

    /// Takes one in.
    pub(in crate::server) fn join(self: &Rc<Self>, member: Rc<T>) -> Membership<T> {
        Membership {
            key: self.0.borrow_mut().insert(member),
            members: Rc::clone(self),
        }
    }

    /// Calls everybody, and lets others have their turn in between. Who comes meanwhile may be called or not. A call wakes tasks at most:
    /// nobody leaves within it.
    pub(super) async fn each(&self, mut call: impl FnMut(&T)) {
        let mut key = 0;
        while self.turn(&mut key, &mut call) {
            tokio::task::yield_now().await;
        }
    }

    /// Calls some from `key` on; whether there are more.
    fn turn(&self, key: &mut usize, call: &mut impl FnMut(&T)) -> bool {
        let members = self.0.borrow();
        let turn = *key..members.capacity().min(*key + TURN);
        *key = turn.end;
        turn.filter_map(|key| members.get(key)).for_each(|member| call(member));
        *key < members.capacity()
    }

    /// Calls everybody at once: for what takes no time.
    pub(super) fn each_now(&self, call: impl FnMut(&T)) {
        self.0.borrow().iter().map(|(_, member)| &**member).for_each(call);
    }
}

impl<T> Drop for Membership<T> {
    fn drop(&mut self) {
        self.members.0.borrow_mut().remove(self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test]
    async fn everybody_is_called_once_and_whoever_left_is_not() {
        let members = Members::new();
        let called: Vec<Rc<Cell<u32>>> = (0..200).map(|_| Rc::default()).collect();
        let mut places: Vec<_> = called.iter().map(|cell| members.join(Rc::clone(cell))).collect();
        places.swap_remove(7);
        members.each(|cell: &Cell<u32>| cell.set(cell.get() + 1)).await;
        let times: Vec<u32> = called.iter().map(|cell| cell.get()).collect();
        assert_eq!(times.iter().filter(|times| **times == 1).count(), 199);
        assert_eq!(times[7], 0);
        drop(places);
        assert!(members.0.borrow().is_empty());
    }
}
