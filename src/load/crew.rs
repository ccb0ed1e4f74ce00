//! The generator's threads: each with a runtime of its own, all ended together.

use std::future::Future;
use std::io;

use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::LoadError;

/// The token that ends the threads, and ends them too when the crew is dropped.
pub(crate) struct Crew {
    stop: CancellationToken,
    _on_drop: DropGuard,
}

/// A thread's result, to come.
pub(crate) struct Work<T> {
    result: oneshot::Receiver<io::Result<T>>,
}

impl Crew {
    /// Nobody yet.
    pub(crate) fn new() -> Crew {
        let stop = CancellationToken::new();
        Crew {
            _on_drop: stop.clone().drop_guard(),
            stop,
        }
    }

    /// Asks all threads to come to their end.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Starts a thread that does `work`, which has to end soon after the token it is given is cancelled.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start<T, W, F>(&self, name: &str, work: W) -> io::Result<Work<T>>
    where
        T: Send + 'static,
        W: FnOnce(CancellationToken) -> F + Send + 'static,
        F: Future<Output = io::Result<T>>,
    {
        let (sender, result) = oneshot::channel();
        let stop = self.stop.clone();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let result = on_this_thread(work(stop));
            // Nobody waits for it any more when the run was stopped.
            let _ = sender.send(result);
        })?;
        Ok(Work { result })
    }
}

/// Runs `work` to its end, and drops every task that it has left behind before it gives the result.
fn on_this_thread<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, work)
}

impl<T> Work<T> {
    /// Waits for the thread's end. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`LoadError::System`] for what the thread says, [`LoadError::Panicked`] when it says nothing.
    pub(crate) async fn done(&mut self) -> Result<T, LoadError> {
        match (&mut self.result).await {
            Ok(result) => result.map_err(LoadError::System),
            Err(_) => Err(LoadError::Panicked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error() {
        let crew = Crew::new();
        let mut work = crew
            .start("panics", |_| async { panic!("on purpose, in a test") })
            .unwrap();
        let error: Result<(), _> = work.done().await;
        assert!(matches!(error, Err(LoadError::Panicked)));
    }

    #[tokio::test]
    async fn dropping_the_crew_ends_its_threads() {
        let crew = Crew::new();
        let mut work = crew
            .start("waits", |stop| async move {
                stop.cancelled().await;
                Ok(7)
            })
            .unwrap();
        drop(crew);
        assert_eq!(work.done().await.unwrap(), 7);
    }
}
