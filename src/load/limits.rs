//! How many files this process may open: every connection is one.

use super::LoadError;

/// Raises the limit to what the system allows without asking anybody, and checks that the run fits.
///
/// The measured server inherits the raised limit, and has as many connections open as the listeners.
///
/// # Errors
/// [`LoadError::FileLimit`] when `needed` do not fit.
pub(crate) fn make_room(listeners: u32, needed: u64) -> Result<(), LoadError> {
    let allowed = raise_file_limit();
    if needed <= allowed {
        return Ok(());
    }
    Err(LoadError::FileLimit {
        listeners,
        needed,
        allowed,
    })
}

/// Sets this process's limit of open files to the highest it may have, and gives what then holds.
#[cfg(unix)]
pub fn raise_file_limit() -> u64 {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return u64::MAX;
    };
    // Some systems have a further limit and refuse: then the soft one stays.
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}

/// Where there is no such limit to raise.
#[cfg(not(unix))]
pub fn raise_file_limit() -> u64 {
    u64::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_said_before_the_start() {
        assert!(make_room(1, 10).is_ok());
        if raise_file_limit() < u64::MAX {
            let error = make_room(7_000_000, u64::MAX).unwrap_err().to_string();
            assert!(error.contains("7000000 listeners"), "{error}");
            assert!(error.contains("ulimit -n"), "{error}");
        }
    }
}
