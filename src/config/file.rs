//! Configuration files in TOML. Unknown keys are errors; every error names its line.

use std::{fs, path::Path, path::PathBuf};

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    error::ConfigError,
    flags::{KEYS, NodeFlags},
    forms,
    suggest::suggest,
    values, words,
};
use crate::wallet::error::file_error;

/// The settings in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) data_dir: Option<PathBuf>,
    pub(super) chain: Option<String>,
    pub(super) log: Option<String>,
    pub(super) node: NodeFlags,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Common {
    data_dir: Option<PathBuf>,
    chain: Option<String>,
    log: Option<String>,
}

/// Reads a file. `data_dir` is allowed only in a file that `--config` names (`named`), not in the data directory's own.
pub(super) fn read(path: &Path, named: bool) -> Result<Settings, ConfigError> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| ConfigError::Usage(file_error("cannot read the configuration", path, &error)))?;
    let settings = parse(&text).map_err(|(line, problem)| ConfigError::Usage(format!("{shown}:{line}: {problem}")))?;
    if !named && settings.data_dir.is_some() {
        let problem = "data_dir has no meaning in the data directory's own file; remove it or use --config";
        return Err(ConfigError::Usage(format!("{shown}: {problem}")));
    }
    Ok(settings)
}

/// Parses the text of a file. An error is its line and the problem.
fn parse(text: &str) -> Result<Settings, (usize, String)> {
    let told =
        |error: toml::de::Error| (line(text, error.span().map_or(0, |span| span.start)), error.message().to_owned());
    let table = DeTable::parse(text).map_err(told)?;
    let table = table.get_ref();
    for (key, value) in table {
        let name: &str = key.get_ref();
        let at = line(text, key.span().start);
        if !KEYS.contains(&name) {
            let hint = suggest(name, KEYS.into_iter()).map(|meant| format!("; did you mean \"{meant}\"?"));
            return Err((at, format!("unknown key \"{name}\"{}", hint.unwrap_or_default())));
        }
        if let Some(problem) = forms::problem(name, value.get_ref()) {
            return Err((at, problem));
        }
    }
    let wrong = |error: toml::de::Error| {
        let span = error.span().unwrap_or_default();
        let is_of = |value: &Spanned<DeValue<'_>>| value.span().start <= span.start && span.end <= value.span().end;
        let key = table.iter().find(|(_, value)| is_of(value)).map_or("", |(key, _)| key.get_ref());
        let problem = words::plainer(error.message());
        (line(text, span.start), if problem.starts_with(key) { problem } else { format!("{key}: {problem}") })
    };
    let common: Common = toml::from_str(text).map_err(wrong)?;
    let node: NodeFlags = toml::from_str(text).map_err(wrong)?;
    let log = |log: &String| Some(("log", values::log(log).err()?));
    if let Some((name, problem)) = common.log.as_ref().and_then(log).or_else(|| node.problem()) {
        let at = table.keys().find(|key| key.get_ref() == name).map_or(0, |key| key.span().start);
        return Err((line(text, at), format!("{name}: {problem}")));
    }
    Ok(Settings { data_dir: common.data_dir, chain: common.chain, log: common.log, node })
}

fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_told_with_its_line_and_the_likely_one() {
        let (line, problem) = parse("# a comment\nlog = \"warn\"\nlisen = \"127.0.0.1:1\"\n").unwrap_err();
        assert_eq!((line, problem.as_str()), (3, "unknown key \"lisen\"; did you mean \"listen\"?"));
        let (line, problem) = parse("[section]\nkey = 1").unwrap_err();
        assert_eq!((line, problem.as_str()), (1, "unknown key \"section\""));
    }

    #[test]
    fn a_wrong_value_is_told_with_its_key_and_what_it_could_be() {
        for (value, seen) in [("-5", "-5"), ("1.5", "1.5"), ("\"5 m\"", "5 m"), ("99999999999999", "99999999999999")] {
            let (line, problem) = parse(&format!("\nmax_upload = {value}\n")).unwrap_err();
            let wanted = format!(
                "max_upload: \"{seen}\" is not a number of bytes a second from 32k to 100000m, such as 500k or 2m"
            );
            assert_eq!((line, problem), (2, wanted));
        }
        assert!(parse("flush = -5").unwrap_err().1.contains("flush: "));
    }

    /// They came in the words of Rust's types: "invalid type: string, expected usize".
    #[test]
    fn a_value_of_another_form_is_told_in_words_with_its_line_and_key() {
        for (text, wanted) in [
            ("max_inbound = \"many\"", "a whole number from 0 to 4294967295 is needed, not \"many\""),
            ("max_outbound = -1", "a whole number from 0 to 4294967295 is needed, not -1"),
            ("max_memory = 1.5", "a whole number from 16 to 1024 is needed, not 1.5"),
            ("max_memory = 5", "a whole number from 16 to 1024 is needed, not 5"),
            ("snapshot_interval = 1", "a whole number from 10 to 1000000 is needed, not 1"),
            ("join_depth = true", "a whole number from 0 to 4294967295 is needed, not true"),
            ("mine = 5", "a text in quotes is needed, not 5"),
            ("chain = [\"local\"]", "a text in quotes is needed, not a list"),
            ("no_http = \"yes\"", "true or false is needed, not \"yes\""),
            ("quiet = 1", "true or false is needed, not 1"),
            ("connect = \"a:1\"", "a list of texts in quotes: [\"…\", \"…\"] is needed, not \"a:1\""),
            ("connect = [\n1]", "a list of texts in quotes: [\"…\", \"…\"] is needed, not a list"),
            ("listen = 4130", "a text in quotes, or a list of them: [\"…\", \"…\"] is needed, not 4130"),
            ("keep = [1]", "a number, or a text in quotes is needed, not a list"),
            ("http = \"3030\"", "IP:PORT is needed, such as 127.0.0.1:4130"),
            ("connect = [\n\"127.0.0.1\"]", "127.0.0.1: an address is"),
            ("http_name = [\"http://x\"]", "\"http://x\" is no host name"),
            ("log = \"loud\"", "\"loud\" is no log level"),
        ] {
            let (line, problem) = parse(&format!("\n# a comment\n{text}\n")).unwrap_err();
            let key = text.split(' ').next().unwrap();
            assert_eq!(line, 3, "{text}: {problem}");
            assert!(problem.starts_with(&format!("{key}: {wanted}")), "{text}: {problem}");
        }
        for text in
            ["max_inbound = 0x10", "max_memory = 1_024", "keep = 5000", "flush = \"every-block\"", "join_depth = 0"]
        {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn wrong_values_and_broken_syntax_are_told_with_their_line() {
        assert_eq!(parse("\nlisten = \"somewhere\"").unwrap_err().0, 2);
        assert_eq!(parse("\n\nmax_inbound = -1").unwrap_err().0, 3);
        assert_eq!(parse("log = ").unwrap_err().0, 1);
    }

    #[test]
    fn lists_numbers_and_flags_are_read() {
        let settings = parse("connect = [\"a:1\", \"b:2\"]\nmine_rate = 5\nno_http = true").unwrap();
        assert_eq!(settings.node.connect, Some(vec!["a:1".to_owned(), "b:2".to_owned()]));
        let listen = |text: &str| parse(text).map(|settings| settings.node.listen.map_or(0, |list| list.len()));
        assert_eq!(listen("listen = \"[::1]:0\""), Ok(1), "older files name one");
        assert_eq!(listen("listen = [\"127.0.0.1:0\", \"[fe80::1%eth0]:4130\"]"), Ok(2));
        assert_eq!((settings.node.mine_rate, settings.node.no_http), (Some(5), Some(true)));
    }

    #[test]
    fn the_sample_is_valid_and_names_every_key_also_with_its_settings_switched_on() {
        assert_eq!(parse(super::super::SAMPLE), Ok(Settings::default()));
        let on: String = super::super::SAMPLE
            .lines()
            .map(|line| line.strip_prefix("#").filter(|rest| !rest.starts_with([' ', '#'])).unwrap_or(line))
            .fold(String::new(), |text, line| text + line + "\n");
        parse(&on).unwrap();
        let keys = DeTable::parse(&on).unwrap();
        assert!(KEYS.iter().all(|key| keys.get_ref().contains_key(*key)), "{on}");
    }
}
