//! Durations, sizes and times as text.

use std::time::Duration;

use crate::runtime;
pub use crate::wallet::amounts::{
    WrittenAmount, amount, grouped, parse_amount, parse_payment, parse_written, parse_written_payment,
};

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
