//! What an emulated line is like, as people write it: `delay=80ms,rate=2mbit,loss=1%`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};

/// The longest delay, five times that of a satellite. Where both ends have it, a link takes three round trips to begin, the
/// connection's own among them, of which all but one count towards the 10 s of a handshake. The rest is for the other side.
const MOST_DELAY: Duration = Duration::from_millis(1_500);
/// Bits per second below which a handshake takes longer than it may.
const LEAST_RATE: u64 = 8_000;
/// Bits per second that no node sends.
const MOST_RATE: u64 = 100_000_000_000;
/// Lost segments in a million above which TCP itself gives up.
const MOST_LOSS: u32 = 500_000;

/// Conditions of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineConditions {
    /// From one end to the other.
    pub delay: Duration,
    /// Bits per second of all links together; `None`: no limit.
    pub rate: Option<u64>,
    /// Lost segments in a million.
    pub loss: u32,
}

impl FromStr for LineConditions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut line, mut seen) = (Self::default(), Vec::new());
        for part in text.split(',') {
            let shape = || {
                format!("\"{part}\" is not delay=TIME, rate=BITS or loss=PERCENT, as in delay=80ms,rate=2mbit,loss=1%")
            };
            let (name, value) = part.trim().split_once('=').ok_or_else(shape)?;
            if seen.contains(&name) {
                return Err(format!("{name} is there twice"));
            }
            seen.push(name);
            match name {
                "delay" => line.delay = delay(value).ok_or_else(|| bad(name, value, "0ms to 1500ms", "ms"))?,
                "rate" => line.rate = Some(rate(value).ok_or_else(|| bad(name, value, "8kbit to 100gbit", "mbit"))?),
                "loss" => line.loss = loss(value).ok_or_else(|| bad(name, value, "0% to 50%", "%"))?,
                _ => return Err(shape()),
            }
        }
        Ok(line)
    }
}

fn bad(name: &str, value: &str, range: &str, unit: &str) -> String {
    let hint = match split(value) {
        (Some(_), "") => format!("; the unit is missing, as in {value}{unit}"),
        _ => String::new(),
    };
    format!("\"{value}\" is not a {name} from {range}{hint}")
}

fn delay(text: &str) -> Option<Duration> {
    let (number, unit) = split(text);
    let micros = match unit.to_ascii_lowercase().as_str() {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        _ => return None,
    };
    let delay = Duration::try_from_secs_f64(number? * micros / 1e6).ok()?;
    (delay <= MOST_DELAY).then_some(delay)
}

fn rate(text: &str) -> Option<u64> {
    let (number, unit) = split(text);
    let bits = match unit.to_ascii_lowercase().as_str() {
        "bit" => 1.0,
        "kbit" => 1e3,
        "mbit" => 1e6,
        "gbit" => 1e9,
        _ => return None,
    };
    // A cast of a number out of range gives the nearest in range.
    Some((number? * bits) as u64).filter(|rate| (LEAST_RATE..=MOST_RATE).contains(rate))
}

fn loss(text: &str) -> Option<u32> {
    let (number, unit) = split(text);
    Some((number? * 1e4) as u32).filter(|loss| unit == "%" && *loss <= MOST_LOSS)
}

/// A number that is not negative, and what follows it.
fn split(text: &str) -> (Option<f64>, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (text[..end].parse().ok(), &text[end..])
}

impl fmt::Display for LineConditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delay={}ms", self.delay.as_micros() as f64 / 1e3)?;
        if let Some(rate) = self.rate {
            write!(f, ",rate={}kbit", rate as f64 / 1e3)?;
        }
        if self.loss > 0 {
            write!(f, ",loss={}%", f64::from(self.loss) / 1e4)?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for LineConditions {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        String::deserialize(source)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_shown_in_the_units_of_network_tools() {
        let line = LineConditions { delay: Duration::from_millis(80), rate: Some(2_000_000), loss: 10_000 };
        assert_eq!("delay=80ms,rate=2mbit,loss=1%".parse(), Ok(line));
        assert_eq!("loss=1%, rate=2000kbit, delay=0.08s".parse(), Ok(line));
        assert_eq!(line.to_string(), "delay=80ms,rate=2000kbit,loss=1%");
        assert_eq!(line.to_string().parse(), Ok(line));
        assert_eq!("DELAY".parse::<LineConditions>().ok(), None);
        assert_eq!("delay=80MS,rate=2Mbit,loss=1%".parse(), Ok(line));
        assert_eq!("delay=1.5ms".parse::<LineConditions>().map(|line| line.to_string()), Ok("delay=1.5ms".to_owned()));
    }

    #[test]
    fn what_is_no_condition_is_refused_with_what_would_be() {
        let wrong = [
            "",
            "80ms",
            "delay=80",
            "delay=-1ms",
            "delay=1501ms",
            "rate=2",
            "rate=1kbit",
            "loss=1",
            "loss=51%",
            "loss=%",
            "loss=1%,loss=2%",
            "jitter=5ms",
            "delay=1ms,",
        ];
        for text in wrong {
            assert!(text.parse::<LineConditions>().is_err_and(|why| !why.contains('\n')), "{text}");
        }
        let why = |text: &str| text.parse::<LineConditions>().unwrap_err();
        assert_eq!(why("loss=1"), "\"1\" is not a loss from 0% to 50%; the unit is missing, as in 1%");
        assert_eq!(why("delay=80"), "\"80\" is not a delay from 0ms to 1500ms; the unit is missing, as in 80ms");
        assert_eq!(why("loss=51%"), "\"51%\" is not a loss from 0% to 50%");
    }
}
