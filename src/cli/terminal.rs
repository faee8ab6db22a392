//! The terminal: its width, and whether it wants colours.

use std::{
    env,
    ffi::OsStr,
    io::{self, IsTerminal},
};

/// Fewest characters that a shortened text keeps: enough to find a block or a transaction by its first digits.
const SHORTEST: usize = 9;

/// Columns of the terminal on standard output; `None`: it is no terminal, or does not say.
pub fn width() -> Option<usize> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let set = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let asked = || rustix::termios::tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col));
    set.or_else(asked).filter(|columns: &usize| *columns > 0)
}

/// Whether to style what goes to `stream` (<https://no-color.org>).
pub fn wants_style(stream: &impl IsTerminal) -> bool {
    styled(stream.is_terminal(), env::var_os("NO_COLOR").as_deref(), env::var_os("TERM").as_deref())
}

fn styled(terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    terminal && no_color.is_none_or(OsStr::is_empty) && term != Some(OsStr::new("dumb"))
}

/// Shortens the long words of a line (hashes, addresses) until the line fits. Without a width nothing changes.
pub fn fit(line: &str, width: Option<usize>) -> String {
    let too_long = line.chars().count().saturating_sub(width.unwrap_or(usize::MAX));
    let is_long = |word: &&str| word.len() >= 32;
    let long: Vec<&str> = line.split(' ').filter(is_long).collect();
    if too_long == 0 || long.is_empty() {
        return line.to_owned();
    }
    let each = too_long.div_ceil(long.len());
    let words = line.split(' ').map(|word| match is_long(&word) {
        true => shorten(word, word.chars().count().saturating_sub(each)),
        false => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A text with at most `length` characters, its end replaced by an ellipsis.
pub fn shorten(text: &str, length: usize) -> String {
    let length = length.max(SHORTEST);
    if text.chars().count() <= length {
        return text.to_owned();
    }
    text.chars().take(length - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_is_for_terminals_that_want_it() {
        let (set, empty, dumb) = (Some(OsStr::new("1")), Some(OsStr::new("")), Some(OsStr::new("dumb")));
        assert!(styled(true, None, None) && styled(true, empty, Some(OsStr::new("xterm"))));
        assert!(!styled(false, None, None) && !styled(true, set, None) && !styled(true, None, dumb));
    }

    #[test]
    fn long_words_shrink_until_the_line_fits() {
        let hash = "5f2a91c0".repeat(8);
        let line = format!("merkle_root   {hash}");
        assert_eq!(fit(&line, None), line);
        assert_eq!(fit(&line, Some(80)), line);
        let short = fit(&line, Some(60));
        assert_eq!(short.chars().count(), 60);
        assert!(short.ends_with('…') && short.starts_with("merkle_root   5f2a91c0"), "{short}");
        assert_eq!(fit(&hash, Some(3)).chars().count(), SHORTEST);
        assert_eq!(fit("a long line of short words", Some(5)), "a long line of short words");
    }
}
