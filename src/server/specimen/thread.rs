use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::protocol::Seq;
use crate::server::Server;

/// Where the threads of all holders block: one condition variable, as a textbook has it.
#[derive(Default)]
pub(in crate::server) struct Threads(Arc<Room>);

#[derive(Default)]
struct Room {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    newest: Seq,
    /// Whether somebody tells the threads of new messages already.
    has_crier: bool,
}

/// A thread that blocks for a poll. It goes with this.
pub(super) struct Blocked {
    room: Arc<Room>,
    has_left: Arc<AtomicBool>,
    notified: oneshot::Receiver<()>,
}

impl Threads {
    /// Starts a thread that blocks until there is a message after `after`.
    ///
    /// # Errors
    /// When the system gives none.
    pub(super) fn block(&self, server: &Arc<Server>, after: Seq) -> io::Result<Blocked> {
        self.0.call_out(server);
        let (tell, notified) = oneshot::channel();
        let has_left = Arc::new(AtomicBool::new(false));
        let (room, leaves) = (Arc::clone(&self.0), Arc::clone(&has_left));
        std::thread::Builder::new().name("holder".to_owned()).spawn(move || {
            let mut state = room.state();
            while state.newest <= after && !leaves.load(Ordering::Relaxed) {
                state = room.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            drop(state);
            // Nobody hears it any more when the poll is over.
            let _ = tell.send(());
        })?;
        Ok(Blocked {
            room: Arc::clone(&self.0),
            has_left,
            notified,
        })
    }
}

impl Room {
    /// Lets somebody tell the threads of every message from now on. The feed itself wakes tasks, and no threads.
    fn call_out(self: &Arc<Self>, server: &Arc<Server>) {
        if std::mem::replace(&mut self.state().has_crier, true) {
            return;
        }
        let (room, mut newest) = (Arc::clone(self), server.feed.watch());
        tokio::task::spawn_local(async move {
            loop {
                room.state().newest = *newest.borrow_and_update();
                room.changed.notify_all();
                if newest.changed().await.is_err() {
                    return;
                }
            }
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A number and a flag: whoever panicked has left neither half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blocked {
    /// Completes when the thread has been notified and has woken.
    pub(super) async fn notified(&mut self) {
        // The thread sends before it ends, whatever happens.
        let _ = (&mut self.notified).await;
    }
}

impl Drop for Blocked {
    /// A thread cannot be dropped: it has to be woken to see that it may go, and all others with it.
    fn drop(&mut self) {
        if self.notified.try_recv().is_ok() || self.notified.is_terminated() {
            return;
        }
        // Under the lock, so that the thread either sees it before it blocks or hears of it.
        let state = self.room.state();
        self.has_left.store(true, Ordering::Relaxed);
        drop(state);
        self.room.changed.notify_all();
    }
}
