//! Amounts as people read and write them.

use crate::chain::spec::Unit;

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
            "an amount is a whole number of base units, such as 250000, or a number in the chain's unit if it has one"
                .to_owned(),
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
}
