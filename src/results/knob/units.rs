//! Times and rates as a scenario writes them: never a number without its unit.

use std::time::Duration;

/// Nanoseconds of each unit. `m` is a minute, as in every duration here; `min` says the same to who doubts it.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Why a text is no time or no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// A number alone.
    #[error("`{0}` has no unit: write a time as \"40ms\", \"25s\" or \"2m\"")]
    NoUnit(String),
    /// No number, a negative one, an unknown unit, or something else altogether.
    #[error("`{0}` is no time: write it as \"40ms\", \"1.5s\" or \"2m\"")]
    NoTime(String),
    /// No number of messages, or nothing to count them in.
    #[error("`{0}` is no rate: write it as \"20/s\", \"6/min\" or \"1/10s\"")]
    NoRate(String),
    /// No share of a whole, or more than all of it.
    #[error("`{0}` is no share: write it as \"0%\", \"50%\" or \"100%\"")]
    NoShare(String),
    /// More than a [`Duration`] or this program can hold.
    #[error("`{0}` is longer than any run can be")]
    TooLong(String),
}

/// Reads a time: digits, perhaps a decimal point and more digits, and a unit (`ns`, `us`, `ms`, `s`, `m` or `min`, `h`).
///
/// Exact, since it does not go through a floating-point number.
///
/// # Errors
/// With a sentence that shows how to write it.
pub fn read_time(text: &str) -> Result<Duration, UnitError> {
    let number_ends = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(number_ends);
    let no_time = || UnitError::NoTime(text.to_owned());
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(no_time()),
        None => (number, ""),
    };
    // Nine decimals of the largest unit are more than a clock can tell.
    if whole.is_empty() || fraction.contains('.') || fraction.len() > 9 {
        return Err(no_time());
    }
    if unit.is_empty() {
        return Err(UnitError::NoUnit(text.to_owned()));
    }
    let unit = unit.trim_start_matches(' ');
    let (_, unit_ns) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(no_time)?;
    nanoseconds(whole, fraction, *unit_ns).ok_or_else(|| UnitError::TooLong(text.to_owned()))
}

/// `whole.fraction` times the unit; `None` when it is too much.
fn nanoseconds(whole: &str, fraction: &str, unit_ns: u64) -> Option<Duration> {
    let whole: u64 = whole.parse().ok()?;
    let ten_to = 10u64.checked_pow(fraction.len() as u32)?;
    let part: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let part_ns = u128::from(part) * u128::from(unit_ns) / u128::from(ten_to);
    let ns = whole.checked_mul(unit_ns)?.checked_add(u64::try_from(part_ns).ok()?)?;
    Some(Duration::from_nanos(ns))
}

/// Writes a time so that [`read_time`] gives it back: `40ms`, `1.5s`, `2m`.
pub fn write_time(time: Duration) -> String {
    let seconds = time.as_secs();
    if time.is_zero() {
        return "0s".to_owned();
    }
    if time.subsec_nanos() == 0 {
        for (unit, per_unit) in [("h", 3_600), ("m", 60)] {
            if seconds >= per_unit && seconds.is_multiple_of(per_unit) {
                return format!("{}{unit}", seconds / per_unit);
            }
        }
    }
    // The standard library's own form is exact and has just these units.
    format!("{time:?}").replace('µ', "u")
}

/// Reads a rate into messages a second: a number, a slash, and a unit of time or a time (`20/s`, `6/min`, `1/10s`).
///
/// # Errors
/// With a sentence that shows how to write it.
pub fn read_rate(text: &str) -> Result<f64, UnitError> {
    let no_rate = || UnitError::NoRate(text.to_owned());
    let (count, per) = text.split_once('/').ok_or_else(no_rate)?;
    let count: f64 = count.trim().parse().map_err(|_| no_rate())?;
    let per = per.trim();
    let per = read_time(per)
        .or_else(|_| read_time(&format!("1{per}")))
        .map_err(|_| no_rate())?;
    let rate_per_s = count / per.as_secs_f64();
    if rate_per_s.is_finite() {
        Ok(rate_per_s)
    } else {
        Err(no_rate())
    }
}

/// Writes a rate so that [`read_rate`] gives it back, in the unit that makes it shortest: `20/s`, `6/min`.
pub fn write_rate(rate_per_s: f64) -> String {
    let in_seconds = format!("{rate_per_s}/s");
    [(60.0, "min"), (3600.0, "h")]
        .into_iter()
        .map(|(seconds, unit)| format!("{}/{unit}", rate_per_s * seconds))
        .filter(|text| read_rate(text) == Ok(rate_per_s))
        .fold(
            in_seconds,
            |best, text| if text.len() + 3 < best.len() { text } else { best },
        )
}

/// Reads a share of a whole, from 0 to 1: a number from 0 to 100 and a percent sign (`50%`, `12.5%`).
///
/// # Errors
/// With a sentence that shows how to write it.
pub fn read_share(text: &str) -> Result<f64, UnitError> {
    let no_share = || UnitError::NoShare(text.to_owned());
    let number = text.strip_suffix('%').ok_or_else(no_share)?.trim_end();
    // Not `f64`'s own reader alone, which takes "inf" and "1e1".
    let is_plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let percent: f64 = number.parse().map_err(|_| no_share())?;
    if is_plain && percent <= 100.0 {
        Ok(percent / 100.0)
    } else {
        Err(no_share())
    }
}

/// Writes a share so that [`read_share`] gives it back: `50%`.
pub fn write_share(share: f64) -> String {
    let percent = share * 100.0;
    // 0.07 × 100 is 7.000000000000001; the nearest short number that is read as the same share is the one that was meant.
    let rounded = format!("{}%", (percent * 1e6).round() / 1e6);
    if read_share(&rounded) == Ok(share) {
        rounded
    } else {
        format!("{percent}%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_unit_of_time_is_read() {
        let ms = Duration::from_millis;
        for (text, time) in [
            ("40ms", ms(40)),
            ("25s", ms(25_000)),
            ("1.5s", ms(1_500)),
            ("2m", ms(120_000)),
            ("2min", ms(120_000)),
            ("1h", ms(3_600_000)),
            ("250us", Duration::from_micros(250)),
            ("250µs", Duration::from_micros(250)),
            ("7ns", Duration::from_nanos(7)),
            ("0s", Duration::ZERO),
            ("40 ms", ms(40)),
        ] {
            assert_eq!(read_time(text), Ok(time), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_the_way_to_write_it() {
        assert_eq!(read_time("25"), Err(UnitError::NoUnit("25".into())));
        for text in [
            "", "s", "-1s", "1.s", ".5s", "1..2s", "1.2.3s", "1 day", "1S", "1e3s", "１s", "25s ",
        ] {
            assert_eq!(read_time(text), Err(UnitError::NoTime(text.into())), "{text}");
        }
        assert!(matches!(read_time("99999999999999h"), Err(UnitError::TooLong(_))));
    }

    #[test]
    fn each_form_of_rate_is_read() {
        for (text, rate) in [
            ("20/s", 20.0),
            ("6/min", 0.1),
            ("6/m", 0.1),
            ("1/10s", 0.1),
            ("0.5/s", 0.5),
            ("90/h", 0.025),
        ] {
            assert_eq!(read_rate(text), Ok(rate), "{text}");
        }
        for text in [
            "",
            "5",
            "/s",
            "x/s",
            "1/",
            "1/0s",
            "1/fortnight",
            "NaN/s",
            "inf/s",
            "20 per s",
        ] {
            assert!(read_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_rate_is_written_in_the_unit_that_makes_it_short() {
        assert_eq!(write_rate(0.5), "0.5/s");
        assert_eq!(write_rate(20.0), "20/s");
        assert_eq!(write_rate(7.0 / 60.0), "7/min");
    }

    #[test]
    fn a_share_is_a_number_of_percent_up_to_all() {
        for (text, share) in [
            ("0%", 0.0),
            ("50%", 0.5),
            ("12.5%", 0.125),
            ("7%", 0.07),
            ("100 %", 1.0),
        ] {
            assert_eq!(read_share(text), Ok(share), "{text}");
        }
        for text in ["", "%", "50", "0.5", "101%", "-1%", "inf%", "1e1%", "1..2%", "half"] {
            assert!(read_share(text).is_err(), "{text}");
        }
        assert_eq!(write_share(0.07), "7%");
    }

    proptest! {
        #[test]
        fn a_share_is_read_as_it_is_written(percent in 0u32..=100_000) {
            let share = read_share(&format!("{}%", f64::from(percent) / 1000.0)).unwrap();
            prop_assert_eq!(read_share(&write_share(share)), Ok(share));
        }

        #[test]
        fn a_time_is_read_as_it_is_written(ns in 0u64..10_000_000_000_000) {
            let time = Duration::from_nanos(ns);
            prop_assert_eq!(read_time(&write_time(time)), Ok(time));
        }

        #[test]
        fn a_rate_is_read_as_it_is_written(rate in 1e-6f64..1e6) {
            prop_assert_eq!(read_rate(&write_rate(rate)), Ok(rate));
        }

        #[test]
        fn no_text_makes_the_readers_panic(text in ".{0,30}") {
            let _ = (read_time(&text), read_rate(&text), read_share(&text));
        }

        #[test]
        fn nothing_that_looks_like_a_time_makes_the_readers_panic(text in "[0-9.]{0,24}/?[0-9.]{0,24}(ns|us|µs|ms|s|m|min|h)?") {
            let _ = (read_time(&text), read_rate(&text));
        }
    }
}
