//! Waiting until an instant, to some tens of microseconds.
//!
//! tokio's own timer ticks in milliseconds and fires up to two of them late, which is as much as a whole loopback round
//! trip is worth a hundred times. So each generator thread keeps its waits in one ordered map, and one alarm of the
//! system is set to the earliest of them, however many there are.

mod alarm;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use alarm::Alarm;

/// Rings keep this distance, so that waits that end microseconds apart share one: the alarm's system call would cost as
/// much as what they wait for. It is what a wait may end late by the timer's own doing.
const GRAIN: Duration = Duration::from_micros(50);

/// The waits of one thread. Clones share them.
#[derive(Clone)]
pub(crate) struct Timer {
    shared: Rc<RefCell<Shared>>,
}

/// A wait's place: by instant, then by the order in which they began, so that equal instants fire in that order.
type Key = (Instant, u64);

struct Shared {
    // A map, not a heap: a wait that is dropped is gone at once, and nothing has to be swept up later.
    waits: BTreeMap<Key, Waker>,
    next_number: u64,
    alarm: Rc<Alarm>,
    set_to: Option<Instant>,
}

/// The time ran out first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elapsed;

impl Timer {
    /// A timer for this thread. It is driven by a task of its own, so it has to be made within a `LocalSet`.
    ///
    /// # Errors
    /// When the system has no alarm left to give (it is a file descriptor).
    pub(crate) fn start() -> io::Result<Timer> {
        let alarm = Rc::new(Alarm::new()?);
        let shared = Rc::new(RefCell::new(Shared {
            waits: BTreeMap::new(),
            next_number: 0,
            alarm: Rc::clone(&alarm),
            set_to: None,
        }));
        tokio::task::spawn_local(drive(alarm, Rc::downgrade(&shared)));
        Ok(Timer { shared })
    }

    /// Waits until `due`; at once when that has passed. Dropping it forgets the wait.
    pub(crate) fn sleep_until(&self, due: Instant) -> Sleep {
        Sleep {
            timer: self.clone(),
            due,
            key: None,
        }
    }

    /// Waits this long.
    pub(crate) fn sleep(&self, length: Duration) -> Sleep {
        self.sleep_until(Instant::now() + length)
    }

    /// What `work` gives, unless that takes longer than `limit`; then `work` is dropped.
    pub(crate) async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
        let mut work = pin!(work);
        let mut sleep = self.sleep(limit);
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            Pin::new(&mut sleep).poll(cx).map(|()| Err(Elapsed))
        })
        .await
    }
}

impl Shared {
    fn insert(&mut self, due: Instant, waker: Waker) -> Key {
        let key = (due, self.next_number);
        self.next_number += 1;
        self.waits.insert(key, waker);
        self.set_alarm(due);
        key
    }

    /// Sets the alarm when this is earlier than what it is set to. A later wait needs no system call, and one that is
    /// forgotten none either: the alarm then rings once for nothing.
    fn set_alarm(&mut self, due: Instant) {
        if self.set_to.is_none_or(|set_to| due < set_to) {
            self.alarm.set(due);
            self.set_to = Some(due);
        }
    }

    /// Wakes all that are due and sets the alarm to the next.
    fn ring(&mut self) {
        self.set_to = None;
        let now = Instant::now();
        while let Some(first) = self.waits.first_entry() {
            let (due, _) = *first.key();
            if due > now {
                self.set_alarm(due.max(now + GRAIN));
                return;
            }
            // Waking only queues the task, so nothing of ours runs while `self` is borrowed.
            first.remove().wake();
        }
    }
}

/// Rings whenever the alarm does, for as long as somebody holds the timer.
async fn drive(alarm: Rc<Alarm>, shared: Weak<RefCell<Shared>>) {
    loop {
        alarm.rung().await;
        let Some(shared) = shared.upgrade() else { return };
        shared.borrow_mut().ring();
    }
}

/// A wait until an instant.
pub(crate) struct Sleep {
    timer: Timer,
    due: Instant,
    key: Option<Key>,
}

impl Sleep {
    /// Waits for another instant from here on.
    pub(crate) fn reset(&mut self, due: Instant) {
        if due != self.due {
            self.forget();
            self.due = due;
        }
    }

    fn forget(&mut self) {
        if let Some(key) = self.key.take() {
            self.timer.shared.borrow_mut().waits.remove(&key);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.due {
            self.forget();
            return Poll::Ready(());
        }
        let timer = self.timer.clone();
        let mut shared = timer.shared.borrow_mut();
        match self.key.and_then(|key| shared.waits.get_mut(&key)) {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.key = Some(shared.insert(self.due, cx.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::testing::on_one_thread;

    #[test]
    fn a_sleep_never_ends_early_and_hardly_late() {
        on_one_thread(async {
            let timer = Timer::start().unwrap();
            let mut late = Vec::new();
            for n in 0..50 {
                let due = Instant::now() + Duration::from_micros(200 + 37 * n);
                timer.sleep_until(due).await;
                let now = Instant::now();
                assert!(now >= due);
                late.push(now - due);
            }
            late.sort();
            // Tens of microseconds on an idle machine; the bound only has to tell it from hours on a busy one.
            assert!(late[25] < Duration::from_millis(20), "{:?}", late[25]);
        });
    }

    #[test]
    fn sleeps_end_in_the_order_of_their_instants() {
        on_one_thread(async {
            let timer = Timer::start().unwrap();
            let order = Rc::new(RefCell::new(Vec::new()));
            let start = Instant::now() + Duration::from_millis(5);
            let tasks = [3u32, 1, 2, 0].map(|place| {
                let (timer, order) = (timer.clone(), Rc::clone(&order));
                tokio::task::spawn_local(async move {
                    timer.sleep_until(start + Duration::from_millis(2) * place).await;
                    order.borrow_mut().push(place);
                })
            });
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(*order.borrow(), [0, 1, 2, 3]);
        });
    }

    #[test]
    fn a_dropped_sleep_leaves_nothing_behind() {
        on_one_thread(async {
            let timer = Timer::start().unwrap();
            for _ in 0..1000 {
                let quick = timer.within(Duration::from_secs(60), async { tokio::task::yield_now().await });
                assert_eq!(quick.await, Ok(()));
            }
            assert!(timer.shared.borrow().waits.is_empty());
            // And the ones that stay are still woken, though the alarm was set for those that went.
            timer.sleep(Duration::from_millis(1)).await;
        });
    }

    #[test]
    fn what_takes_too_long_is_given_up() {
        on_one_thread(async {
            let timer = Timer::start().unwrap();
            let never = timer.within(Duration::from_millis(2), std::future::pending::<()>());
            assert_eq!(never.await, Err(Elapsed));
        });
    }
}
