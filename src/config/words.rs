//! Plain words in place of those of libraries: about numbers, ranges, addresses and the values of TOML files.

use super::suggest::suggest;

/// Plain words in what the parser of flags or of addresses says.
pub fn plainer(text: &str) -> String {
    let text = text
        .replace("invalid digit found in string", "a whole number is needed")
        .replace("cannot parse integer from empty string", "a whole number is needed")
        .replace("number too large to fit in target type", "the number is too large")
        .replace("invalid socket address syntax", "IP:PORT is needed, such as 127.0.0.1:4130");
    plainer_range(&text).unwrap_or(text)
}

/// `7 is not in 1..=5`, as the parser of flags says it, in words.
fn plainer_range(text: &str) -> Option<String> {
    let (before, behind) = text.split_once(" is not in ")?;
    let (least, behind) = behind.split_once("..")?;
    let (excluded, behind) = behind.strip_prefix('=').map_or((1, behind), |behind| (0, behind));
    let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
    let (most, rest) = behind.split_at(digits);
    let least: i64 = least.parse().ok()?;
    let most = most.parse::<u64>().ok();
    // Of a range without an end, the largest number of its type is no limit that anybody chose.
    let most = most.filter(|most| ![u64::from(u32::MAX), i64::MAX as u64, u64::MAX].contains(most));
    let before = before.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-');
    Some(match most {
        Some(most) => {
            format!("{before}a whole number from {least} to {} is needed{rest}", most.saturating_sub(excluded))
        }
        None => format!("{before}a whole number from {least} up is needed{rest}"),
    })
}

/// An error of a TOML file in one line: its line, its key and what the key takes. `text`: as the library tells it, in several lines.
pub fn plain_toml(text: &str) -> String {
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let (first, last) = (lines.next().unwrap_or_default(), lines.next_back().unwrap_or_default());
    let at = first.strip_prefix("TOML parse error at ").unwrap_or(first);
    if last.is_empty() {
        return plain_value(at).unwrap_or_else(|| at.to_owned());
    }
    let Some(told) = plain_value(last) else { return format!("{at}: {last}") };
    let line = at.split(',').next().unwrap_or_default();
    let key = lines.find_map(|line| line.split_once(" | ")).and_then(|(_, shown)| shown.split_once('='));
    match key {
        _ if last.starts_with("missing field") => told,
        Some((key, _)) if last.starts_with("invalid") => format!("{line}: {}: {told}", key.trim()),
        _ => format!("{line}: {told}"),
    }
}

/// What a value should be, in words; `None`: it is told in words already.
fn plain_value(told: &str) -> Option<String> {
    if let Some(key) = told.strip_prefix("missing field `") {
        return Some(format!("the key {} is missing", key.trim_end_matches('`')));
    }
    if let Some((key, known)) = told.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')) {
        let meant = suggest(key, known.split('`').skip(1).step_by(2));
        let hint = meant.map_or_else(String::new, |meant| format!("; did you mean \"{meant}\"?"));
        return Some(format!("unknown key \"{key}\"{hint}"));
    }
    let told = told.strip_prefix("invalid type: ").or_else(|| told.strip_prefix("invalid value: "))?;
    let (found, wanted) = told.rsplit_once(", expected ")?;
    let wanted = match wanted {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0 up",
        "a string" => "a text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        other if other.starts_with("struct ") || other == "a map" => "a table",
        other => other,
    };
    let found = match found {
        "sequence" => "a list",
        "map" => "a table",
        found => ["integer ", "floating point ", "boolean ", "string "]
            .iter()
            .find_map(|kind| found.strip_prefix(kind))
            .map_or(found, |value| value.trim_matches('`')),
    };
    Some(format!("{wanted} is needed, not {found}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges_are_told_in_plain_words() {
        for (text, wanted) in [
            ("'7' for '--n <N>': 7 is not in 1..=5\n", "'7' for '--n <N>': a whole number from 1 to 5 is needed\n"),
            ("-1 is not in 0..=4294967295", "a whole number from 0 up is needed"),
            ("9 is not in 10..100", "a whole number from 10 to 99 is needed"),
            ("x: invalid digit found in string", "x: a whole number is needed"),
            ("the block is not in the chain", "the block is not in the chain"),
        ] {
            assert_eq!(plainer(text), wanted);
        }
    }

    #[test]
    fn errors_of_toml_name_line_key_and_what_it_takes() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only its errors are looked at")]
        struct File {
            name: String,
            subsidy: u64,
            maturity: u32,
            test: bool,
            bootnodes: Vec<String>,
        }
        let told = |line: &str| {
            let others = ["name = \"x\"", "subsidy = 1", "maturity = 1", "test = true", "bootnodes = []"];
            let key = line.split(' ').next().unwrap();
            let others: String =
                others.iter().filter(|other| !other.starts_with(key)).map(|o| format!("{o}\n")).collect();
            plain_toml(&toml::from_str::<File>(&format!("\n{line}\n{others}")).unwrap_err().to_string())
        };
        for (line, wanted) in [
            ("name = 5", "line 2: name: a text in quotes is needed, not 5"),
            ("subsidy = \"much\"", "line 2: subsidy: a whole number from 0 up is needed, not \"much\""),
            ("subsidy = -5", "line 2: subsidy: a whole number from 0 up is needed, not -5"),
            (
                "maturity = 99999999999",
                "line 2: maturity: a whole number from 0 to 4294967295 is needed, not 99999999999",
            ),
            ("maturity = 1.5", "line 2: maturity: a whole number from 0 to 4294967295 is needed, not 1.5"),
            ("test = 1", "line 2: test: true or false is needed, not 1"),
            ("bootnodes = \"a:1\"", "line 2: bootnodes: a list is needed, not \"a:1\""),
            ("subsidi = 5", "line 2: unknown key \"subsidi\"; did you mean \"subsidy\"?"),
            ("name # = 5", "line 2, column 6: "),
        ] {
            let told = told(line);
            assert!(told.starts_with(wanted) && !told.contains("TOML"), "{line}: {told}");
        }
        let told = plain_toml(&toml::from_str::<File>("").unwrap_err().to_string());
        assert_eq!(told, "the key name is missing");
    }
}
