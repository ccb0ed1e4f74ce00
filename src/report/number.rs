//! Numbers as people read them: thousands apart, no more digits than they are worth, the unit always there.

use std::time::Duration;

/// A space at which a line does not break: a number stays with its unit.
const SPACE: char = '\u{a0}';

/// What stands where there is nothing to say.
pub(crate) const NONE: &str = "–";

/// A count, its thousands apart: `24,012`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A measured number with three significant digits, or all of its whole ones: `0.0123`, `1.23`, `12.3`, `1,234`.
pub(crate) fn figure(number: f64) -> String {
    if !number.is_finite() {
        return NONE.to_owned();
    }
    if number < 0.0 {
        return format!("−{}", figure(-number));
    }
    if number == 0.0 {
        return "0".to_owned();
    }
    let magnitude = number.log10().floor() as i32;
    let decimals = (2 - magnitude).clamp(0, 6) as usize;
    if decimals == 0 {
        return count(number.round() as u64);
    }
    let text = format!("{number:.decimals$}");
    // 9.996 rounds up to 10.00, one digit too many; rounding what is written settles it.
    let rounded: f64 = text.parse().unwrap_or(number);
    if rounded.log10().floor() as i32 > magnitude {
        return figure(rounded);
    }
    without_trailing_zeros(text)
}

/// A time in milliseconds; ten seconds and more in seconds.
pub(crate) fn milliseconds(ms: f64) -> String {
    if ms >= 10_000.0 {
        with_unit(figure(ms / 1000.0), "s")
    } else {
        with_unit(figure(ms), "ms")
    }
}

/// Bytes; from ten thousand on in decimal kB, then MB and GB.
pub(crate) fn bytes(bytes: f64) -> String {
    match bytes {
        b if b < 1e4 => with_unit(figure(b), "B"),
        b if b < 1e6 => with_unit(figure(b / 1e3), "kB"),
        b if b < 1e9 => with_unit(figure(b / 1e6), "MB"),
        b => with_unit(figure(b / 1e9), "GB"),
    }
}

/// A share of 1 in per cent. All and nothing are said only of all and nothing.
pub(crate) fn percent(share: f64) -> String {
    let text = match share * 100.0 {
        p if p == 0.0 || p == 100.0 => format!("{p:.0}"),
        p if p < 0.1 => "< 0.1".replace(' ', "\u{a0}"),
        p if p > 99.9 => "> 99.9".replace(' ', "\u{a0}"),
        p if !(10.0..99.0).contains(&p) => without_trailing_zeros(format!("{p:.1}")),
        p => format!("{p:.0}"),
    };
    with_unit(text, "%")
}

/// How many times as much: `41`, `4.6`.
pub(crate) fn times(ratio: f64) -> String {
    if ratio < 10.0 {
        without_trailing_zeros(format!("{ratio:.1}"))
    } else {
        figure(ratio.round())
    }
}

/// A length of time as a sentence has it: `25 s`, `40 ms`.
pub(crate) fn lasting(time: Duration) -> String {
    let (number, unit) = match time.as_micros() as u64 {
        us if us.is_multiple_of(1_000_000) => (us / 1_000_000, "s"),
        us if us.is_multiple_of(1_000) => (us / 1_000, "ms"),
        us => (us, "us"),
    };
    with_unit(count(number), unit)
}

/// A number and its unit, kept on one line.
pub(crate) fn with_unit(number: String, unit: &str) -> String {
    format!("{number}{SPACE}{unit}")
}

/// `one` of it, or so many: `1 message`, `24 messages`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{}{SPACE}{}", count(number), if number == 1 { one } else { many })
}

fn without_trailing_zeros(text: String) -> String {
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts with plain spaces, as a reader sees them.
    fn plain(text: String) -> String {
        text.replace('\u{a0}', " ")
    }

    #[test]
    fn thousands_are_apart() {
        let seen = [0, 7, 999, 1_000, 24_012, 1_234_567].map(count);
        assert_eq!(seen, ["0", "7", "999", "1,000", "24,012", "1,234,567"]);
    }

    #[test]
    fn figures_have_three_digits_that_mean_something() {
        let seen = [0.0, 0.01234, 1.0, 9.996, 12.34, 99.96, 123.4, 999.7, 12_345.6].map(figure);
        assert_eq!(
            seen,
            ["0", "0.0123", "1", "10", "12.3", "100", "123", "1,000", "12,346"]
        );
        assert_eq!(figure(f64::NAN), NONE);
        assert_eq!(figure(-2.5), "−2.5");
    }

    #[test]
    fn times_and_sizes_change_unit_where_it_helps() {
        let seen = [0.05, 20.44, 1_040.2, 12_345.0].map(milliseconds).map(plain);
        assert_eq!(seen, ["0.05 ms", "20.4 ms", "1,040 ms", "12.3 s"]);
        let seen = [98.0, 2_752.4, 12_345.0, 3.2e7, 4e10].map(bytes).map(plain);
        assert_eq!(seen, ["98 B", "2,752 B", "12.3 kB", "32 MB", "40 GB"]);
    }

    #[test]
    fn nearly_all_is_not_all() {
        let seen = [0.0, 0.0001, 0.081, 0.368, 0.612, 0.9951, 0.9999, 1.0]
            .map(percent)
            .map(plain);
        assert_eq!(
            seen,
            ["0 %", "< 0.1 %", "8.1 %", "37 %", "61 %", "99.5 %", "> 99.9 %", "100 %"]
        );
    }

    #[test]
    fn a_length_of_time_has_a_whole_number() {
        let seen = [25_000_000, 1_500_000, 40_000, 250].map(|us| plain(lasting(Duration::from_micros(us))));
        assert_eq!(seen, ["25 s", "1,500 ms", "40 ms", "250 us"]);
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(plain(counted(1, "message", "messages")), "1 message");
        assert_eq!(plain(counted(1_200, "message", "messages")), "1,200 messages");
        assert_eq!((times(4.62), times(40.7)), ("4.6".to_owned(), "41".to_owned()));
    }
}
