//! The one alarm that a thread's waits share: a timerfd on Linux, tokio's timer elsewhere.

#[cfg(target_os = "linux")]
pub(super) use precise::Alarm;

#[cfg(not(target_os = "linux"))]
pub(super) use coarse::Alarm;

#[cfg(target_os = "linux")]
mod precise {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, RawFd};
    use std::time::{Duration, Instant};

    use nix::sys::time::TimeSpec;
    use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// A timerfd: the kernel's high-resolution timer, without the slack that it gives to ordinary waits.
    pub(in super::super) struct Alarm {
        fd: AsyncFd<Fd>,
    }

    /// nix lends its descriptor, tokio asks for the number.
    struct Fd(TimerFd);

    impl AsRawFd for Fd {
        fn as_raw_fd(&self) -> RawFd {
            self.0.as_fd().as_raw_fd()
        }
    }

    impl Alarm {
        pub(in super::super) fn new() -> io::Result<Alarm> {
            let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
            let fd = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
            // Its successor asks for `unsafe`, as a descriptor might be closed behind its back. This one is ours alone.
            #[allow(deprecated)]
            let fd = AsyncFd::with_interest(Fd(fd), Interest::READABLE)?;
            Ok(Alarm { fd })
        }

        /// Rings at `due`, and no longer at what it was set to before.
        pub(in super::super) fn set(&self, due: Instant) {
            // Relative, since an `Instant` does not tell its clock's value; zero would mean "never".
            let left = due
                .saturating_duration_since(Instant::now())
                .max(Duration::from_nanos(1));
            let once = Expiration::OneShot(TimeSpec::from_duration(left));
            self.fd
                .get_ref()
                .0
                .set(once, TimerSetTimeFlags::empty())
                .expect("a timerfd takes every positive time");
        }

        /// Waits for the next ring.
        pub(in super::super) async fn rung(&self) {
            loop {
                let mut guard = self
                    .fd
                    .readable()
                    .await
                    .expect("the runtime lives as long as its tasks");
                match guard.try_io(|fd| Ok(fd.get_ref().0.wait()?)) {
                    // Setting it anew between the ring and the read takes the ring back: wait on.
                    Err(_would_block) => {}
                    Ok(_) => return,
                }
            }
        }
    }
}

/// Compiled on Linux too, for its test.
#[cfg(any(test, not(target_os = "linux")))]
mod coarse {
    use std::cell::Cell;
    use std::io;
    use std::time::Instant;

    use tokio::sync::Notify;

    /// tokio's timer, in milliseconds.
    pub(in super::super) struct Alarm {
        due: Cell<Option<Instant>>,
        changed: Notify,
    }

    impl Alarm {
        #[cfg_attr(test, allow(clippy::unnecessary_wraps))]
        pub(in super::super) fn new() -> io::Result<Alarm> {
            Ok(Alarm {
                due: Cell::new(None),
                changed: Notify::new(),
            })
        }

        /// Rings at `due`, and no longer at what it was set to before.
        pub(in super::super) fn set(&self, due: Instant) {
            self.due.set(Some(due));
            self.changed.notify_one();
        }

        /// Waits for the next ring.
        pub(in super::super) async fn rung(&self) {
            loop {
                let Some(due) = self.due.get() else {
                    self.changed.notified().await;
                    continue;
                };
                tokio::select! {
                    () = tokio::time::sleep_until(due.into()) => {
                        self.due.set(None);
                        return;
                    }
                    () = self.changed.notified() => {}
                }
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::Alarm;
        use crate::load::testing::on_one_thread;
        use std::time::{Duration, Instant};

        #[test]
        fn the_alarm_of_other_systems_rings_too() {
            on_one_thread(async {
                let alarm = Alarm::new().unwrap();
                let due = Instant::now() + Duration::from_millis(3);
                alarm.set(due + Duration::from_secs(60));
                alarm.set(due);
                alarm.rung().await;
                assert!(Instant::now() >= due);
            });
        }
    }
}
