//! Amounts, durations, sizes and times as text.

use std::time::Duration;

use crate::{chain::spec::Unit, runtime};

const NOTHING: &str = "at least 1 base unit can be paid";

/// Parses an amount in base units: digits, with optional `_` between them. Never a fraction.
pub fn parse_amount(text: &str) -> Result<u64, String> {
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("an amount is a whole number of base units, such as 250000".to_owned());
    }
    digits.parse().map_err(|_| "the amount is larger than 64 bits can hold".to_owned())
}

/// Parses an amount of at least one base unit.
pub fn parse_payment(text: &str) -> Result<u64, String> {
    match parse_amount(text)? {
        0 => Err(NOTHING.to_owned()),
        amount => Ok(amount),
    }
}

/// An amount as people wrote it: its unit is known once the chain is.
#[derive(Clone, Debug)]
pub struct WrittenAmount(String);

impl WrittenAmount {
    /// The amount in base units.
    pub fn base_units(&self, unit: &Unit) -> Result<u64, String> {
        if unit.decimals == 0 {
            return parse_amount(&self.0);
        }
        let (whole, fraction) = self.0.split_once('.').unwrap_or((&self.0, ""));
        if fraction.len() > usize::from(unit.decimals) {
            return Err(format!("an amount on this chain has at most {} decimals", unit.decimals));
        }
        parse_amount(&format!("{whole}{fraction:0<width$}", width = usize::from(unit.decimals)))
    }
}

/// Parses an amount in the chain's unit, as far as is possible without the chain.
pub fn parse_written(text: &str) -> Result<WrittenAmount, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = fraction.bytes().all(|byte| byte.is_ascii_digit()) && !fraction.is_empty();
    // More digits than 64 bits hold are the chain's matter: decimals may follow.
    let has_digits = whole.bytes().any(|byte| byte.is_ascii_digit());
    if !is_number || !has_digits || !whole.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') {
        return Err(
            "an amount is a whole number of base units, such as 250000, or a number in the chain's unit".to_owned()
        );
    }
    Ok(WrittenAmount(text.to_owned()))
}

/// Parses an amount in the chain's unit of more than nothing.
pub fn parse_written_payment(text: &str) -> Result<WrittenAmount, String> {
    let written = parse_written(text)?;
    if text.bytes().any(|byte| matches!(byte, b'1'..=b'9')) { Ok(written) } else { Err(NOTHING.to_owned()) }
}

/// An amount in the chain's unit; without one, in base units.
pub fn amount(unit: &Unit, base_units: u64) -> String {
    if unit.name.is_empty() && unit.decimals == 0 {
        return grouped(base_units);
    }
    let decimals = usize::from(unit.decimals);
    let digits = format!("{base_units:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let whole = grouped(whole.parse().unwrap_or(u64::MAX));
    let point = if decimals > 0 { "." } else { "" };
    format!("{whole}{point}{fraction} {}", unit.name).trim_end().to_owned()
}

/// Parses a duration: a number with `ms`, `s`, `m`, `h` or `d`; without a unit, seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let help = || "a duration is a number with ms, s, m, h or d, such as 90s".to_owned();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(help()),
    };
    let number: f64 = number.parse().map_err(|_| help())?;
    Duration::try_from_secs_f64(number * factor).map_err(|_| help())
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun: `1 block`, `1,234 blocks`.
pub fn count(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// Seconds as the two largest units: `42s`, `3m07s`, `2h05m`, `4d03h`.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..=59 => format!("{seconds}s"),
        60..=3599 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..=86_399 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// Bytes with a binary unit: `812 B`, `1.5 MiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let (mut value, mut unit) = (count as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// This host's clock, unix seconds.
pub fn unix_now() -> u64 {
    runtime::unix_now().0
}

/// Unix seconds as `2026-01-01T00:00:00Z`.
pub fn utc(unix: u64) -> String {
    let format = time::format_description::well_known::Rfc3339;
    let moment = i64::try_from(unix).ok().and_then(|unix| time::OffsetDateTime::from_unix_timestamp(unix).ok());
    moment.and_then(|moment| moment.format(&format).ok()).unwrap_or_else(|| unix.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_whole_base_units() {
        assert_eq!(parse_amount("250_000"), Ok(250_000));
        assert_eq!(parse_amount("18446744073709551615"), Ok(u64::MAX));
        for wrong in ["", "1.5", "-1", "1e3", "18446744073709551616", "_"] {
            assert!(parse_amount(wrong).is_err(), "{wrong}");
        }
        assert!(parse_payment("0").is_err());
    }

    #[test]
    fn amounts_are_read_and_shown_in_the_unit_of_the_chain() {
        let unit = |name: &str, decimals| Unit { name: name.to_owned(), decimals };
        let (plain, coins, named) = (unit("", 0), unit("MDW", 2), unit("pebbles", 0));
        let read = |text: &str, unit: &Unit| parse_written(text).and_then(|written| written.base_units(unit));
        for (text, expected) in [("1.5", 150), ("0.07", 7), ("1_000", 100_000), ("12", 1200), ("0", 0)] {
            assert_eq!(read(text, &coins), Ok(expected), "{text}");
        }
        for wrong in ["1.005", "1.", ".5", "-1", "1e3", "", "1.5.1", "1.-5", "_", "184467440737095516.16"] {
            assert!(read(wrong, &coins).is_err(), "{wrong}");
        }
        assert_eq!((read("1.5", &plain).is_err(), read("250_000", &plain)), (true, Ok(250_000)));
        assert_eq!(read("184467440737095516.15", &coins), Ok(u64::MAX));
        assert!(parse_written_payment("0.00").is_err() && parse_written_payment("0.01").is_ok());
        let shown = [amount(&plain, 1234), amount(&coins, 1_234_567), amount(&coins, 5), amount(&named, 1234)];
        assert_eq!(shown, ["1,234", "12,345.67 MDW", "0.05 MDW", "1,234 pebbles"]);
        assert_eq!(
            (amount(&unit("", 3), 1), amount(&unit("", 18), u64::MAX)),
            ("0.001".into(), "18.446744073709551615".into())
        );
    }

    #[test]
    fn durations_have_units_and_default_to_seconds() {
        assert_eq!(parse_duration("2"), Ok(Duration::from_secs(2)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("1d"), Ok(Duration::from_secs(86_400)));
        for wrong in ["", "s", "2x", "-3", "1 s", "1e30d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_sizes_and_times_are_readable() {
        assert_eq!((grouped(0), grouped(1234), grouped(1_234_567)), ("0".into(), "1,234".into(), "1,234,567".into()));
        assert_eq!((count(1, "block"), count(1234, "block")), ("1 block".into(), "1,234 blocks".into()));
        assert_eq!((age(59), age(187), age(90_061)), ("59s".into(), "3m07s".into(), "1d01h".into()));
        assert_eq!((bytes(812), bytes(1536), bytes(19 << 20)), ("812 B".into(), "1.5 KiB".into(), "19.0 MiB".into()));
        assert_eq!(utc(1_767_225_600), "2026-01-01T00:00:00Z");
    }
}
