//! What `tokio::sync::watch` promises, made of loom's locks: the newest value, and a wake-up for whoever has not seen it.

use std::future::poll_fn;
use std::task::{Poll, Waker};

use loom::sync::{Arc, Mutex};

pub(crate) struct Sender<T>(Arc<Mutex<State<T>>>);

pub(crate) struct Receiver<T> {
    state: Arc<Mutex<State<T>>>,
    seen: u64,
}

struct State<T> {
    value: T,
    version: u64,
    waiting: Vec<Waker>,
}

impl<T: Copy> Sender<T> {
    pub(crate) fn new(value: T) -> Self {
        Sender(Arc::new(Mutex::new(State {
            value,
            version: 0,
            waiting: Vec::new(),
        })))
    }

    pub(crate) fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let mut state = self.0.lock().unwrap();
        if !modify(&mut state.value) {
            return false;
        }
        state.version += 1;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
        true
    }

    pub(crate) fn subscribe(&self) -> Receiver<T> {
        let seen = self.0.lock().unwrap().version;
        Receiver {
            state: Arc::clone(&self.0),
            seen,
        }
    }
}

impl<T: Copy> Receiver<T> {
    /// Completes once there is a value that was not seen, which then is.
    pub(crate) async fn changed(&mut self) {
        poll_fn(|cx| {
            let mut state = self.state.lock().unwrap();
            if state.version > self.seen {
                self.seen = state.version;
                return Poll::Ready(());
            }
            state.waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    pub(crate) fn now(&self) -> T {
        self.state.lock().unwrap().value
    }
}
