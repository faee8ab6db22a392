//! Amounts as people read and write them.

use crate::chain::spec::Unit;

const NOTHING: &str = "at least 1 base unit can be paid";

/// Parses an amount in base units: digits, with optional `_` between them. Never a fraction.
pub fn parse_amount(text: &str) -> Result<u64, String> {
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let form = || "an amount is a whole number of base units, such as 250000".to_owned();
        return Err(separated(text).or_else(|| without_point(text)).unwrap_or_else(form));
    }
    digits.parse().map_err(|_| "the amount is larger than 64 bits can hold".to_owned())
}

/// How an amount is written that has other separators than an amount here: `1,000`, `1'000`, `1 000`, `1.000.000` or `1,50`.
/// Which of them are thousands is the writer's to say: elsewhere 1,500 is one and a half.
fn separated(text: &str) -> Option<String> {
    let is_separator = |c: char| matches!(c, ',' | '.' | '\'' | '’' | '_') || c.is_whitespace();
    let groups: Vec<&str> = text.trim().split(is_separator).collect();
    let are_digits = groups.iter().all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
    let is_plain = !text.contains(|c| is_separator(c) && !matches!(c, '.' | '_')) && text.matches('.').count() < 2;
    if !are_digits || is_plain {
        return None;
    }
    let last = text.trim().rfind([',', '.']).map(|at| text.trim().split_at(at));
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let with_point = last.map(|(whole, rest)| format!("{}.{}", digits(whole), digits(rest)));
    let whole = digits(text);
    let advice = match (groups.last().map(|group| group.len()), with_point) {
        (Some(3), Some(point)) if groups.len() == 2 => {
            format!("{whole} if that is meant; decimals are behind a point: {point}")
        }
        (Some(3), _) | (_, None) => whole,
        (_, Some(point)) => format!("{point} if that is meant, with a point before the decimals"),
    };
    Some(format!("an amount has no marks between its thousands; write {advice}"))
}

/// How an amount with a point is written where there are no decimals.
fn without_point(text: &str) -> Option<String> {
    let (whole, rest) = text.split_once('.')?;
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_thousand = are_digits(whole) && are_digits(rest) && rest.len() == 3;
    is_thousand.then(|| format!("base units have no decimals; write {whole}{rest} if that is meant"))
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
    /// The amount in base units. An error names what was written.
    pub fn base_units(&self, unit: &Unit) -> Result<u64, String> {
        self.parse(unit).map_err(|problem| format!("{}: {problem}", self.0))
    }

    fn parse(&self, unit: &Unit) -> Result<u64, String> {
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
        let form = || {
            "an amount is a whole number of base units, such as 250000, or a number in the chain's unit if it has one"
                .to_owned()
        };
        return Err(separated(text).unwrap_or_else(form));
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

    /// Tables of this program show amounts as 1,234, and people copy them.
    #[test]
    fn an_amount_with_separators_is_refused_with_how_it_is_written() {
        for (text, advice) in [
            ("1,000", "1000 if that is meant; decimals are behind a point: 1.000"),
            ("1,234,567", "1234567"),
            ("1'000", "1000"),
            ("1’000", "1000"),
            ("1 000", "1000"),
            ("1.000.000", "1000000"),
            ("1,50", "1.50 if that is meant, with a point before the decimals"),
            ("1,234.50", "1234.50 if that is meant, with a point before the decimals"),
            ("1.234,50", "1234.50 if that is meant, with a point before the decimals"),
        ] {
            let told = [parse_written_payment(text).map(drop), parse_amount(text).map(drop)];
            for told in told {
                assert!(told.unwrap_err().ends_with(&format!("; write {advice}")), "{text}: {advice}");
            }
        }
        for plain in ["", "x", "-1", "1e3", ",", "1,", ",5", "a,000", "1.5"] {
            assert!(!parse_amount(plain).unwrap_err().contains(';'), "{plain}");
        }
        let whole = parse_written("1.000").unwrap().base_units(&Unit { name: String::new(), decimals: 0 });
        assert_eq!(whole.unwrap_err(), "1.000: base units have no decimals; write 1000 if that is meant");
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
