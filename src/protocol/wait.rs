use std::str::FromStr;
use std::time::Duration;

/// How long a long poll may be held, as a listener or an operator writes it: digits with `ms`, `s` or `m`, or bare seconds.
///
/// A number too large for a `Duration` of milliseconds becomes the longest one: the contract caps a long wait, it does not
/// refuse it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(pub Duration);

/// A text that is no waiting time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time is digits with ms, s or m, or bare seconds, for example 25s")]
pub struct WaitError;

impl FromStr for Wait {
    type Err = WaitError;

    fn from_str(text: &str) -> Result<Self, WaitError> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit_ms: u64 = match unit {
            "ms" => 1,
            "" | "s" => 1_000,
            "m" => 60_000,
            _ => return Err(WaitError),
        };
        if number.is_empty() {
            return Err(WaitError);
        }
        // Digits only, so the one way to fail is to be too large.
        let number = number.parse::<u64>().unwrap_or(u64::MAX);
        Ok(Wait(Duration::from_millis(number.saturating_mul(unit_ms))))
    }
}

impl Wait {
    /// The `wait` preference of a `Prefer` header (RFC 7240, section 4.3): whole seconds.
    ///
    /// `None` when there is none, or one that does not parse: a preference may be passed over. Of several the first counts
    /// (RFC 7240, section 2).
    pub fn preferred(prefer: &str) -> Option<Wait> {
        let wait = prefer.split(',').find_map(|preference| {
            // What follows a semicolon belongs to the preference before it.
            let preference = preference.split(';').next()?;
            let (name, value) = preference.split_once('=')?;
            name.trim().eq_ignore_ascii_case("wait").then_some(value.trim())
        })?;
        let seconds = wait
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(wait);
        let whole = !seconds.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit());
        whole.then(|| seconds.parse().ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(text: &str) -> Result<u128, WaitError> {
        text.parse::<Wait>().map(|wait| wait.0.as_millis())
    }

    #[test]
    fn each_unit_is_read() {
        assert_eq!(ms("250ms"), Ok(250));
        assert_eq!(ms("25s"), Ok(25_000));
        assert_eq!(ms("2m"), Ok(120_000));
        assert_eq!(ms("25"), Ok(25_000));
        assert_eq!(ms("0"), Ok(0));
        assert_eq!(ms("007"), Ok(7_000));
    }

    #[test]
    fn too_long_is_not_malformed() {
        assert!(ms("99999999999999999999999s").unwrap() > 1_000_000_000);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "", "s", "ms", "-1", "+1", "1.5s", "25 s", " 25s", "25S", "25h", "1s1s", "١s", "0x10",
        ] {
            assert_eq!(ms(text), Err(WaitError), "{text:?}");
        }
    }

    #[test]
    fn a_preference_is_found_among_others_or_passed_over() {
        let seconds = |prefer: &str| Wait::preferred(prefer).map(|wait| wait.0.as_secs());
        assert_eq!(seconds("wait=25"), Some(25));
        assert_eq!(seconds("respond-async, Wait = 10"), Some(10));
        assert_eq!(seconds("wait=\"7\""), Some(7));
        assert_eq!(seconds("wait=1, wait=2"), Some(1));
        assert_eq!(seconds("wait=3; of=patience"), Some(3));
        for prefer in [
            "",
            "wait",
            "wait=",
            "wait=2s",
            "wait=soon",
            "wait=-1",
            "waits=3",
            "respond-async; wait=3",
            "respond-async",
        ] {
            assert_eq!(seconds(prefer), None, "{prefer:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parsers_panic(text in ".{0,40}") {
            let _ = text.parse::<Wait>();
            let _ = Wait::preferred(&text);
        }
    }
}
