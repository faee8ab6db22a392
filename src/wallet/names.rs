//! What contacts may be called, and how names are shown.

use std::borrow::Cow;

use crate::chain::memo;

/// Bytes of a name.
const MAX_NAME: usize = 64;

/// One line of letters, digits and spaces that is neither a flag nor a formula nor half of `TO=AMOUNT`.
pub(super) fn check(name: &str) -> Result<(), String> {
    let is_shown = memo::text(name.as_bytes()).is_some() && !name.contains(['\n', '=', '"', ',', ';']);
    let begins = !name.starts_with(['-', '#', '+', '@', '\'']) && name.trim() == name && name != "all";
    if !(1..=MAX_NAME).contains(&name.len()) || !is_shown || !begins {
        let shown = name.escape_default();
        return Err(format!(
            "\"{shown}\" cannot name a contact; use 1 to {MAX_NAME} letters, digits, spaces or hyphens"
        ));
    }
    Ok(())
}

/// Refuses what makes two names look like one: characters that nobody sees, marks that change the order of letters, and spaces
/// that are not one plain space. Tables may have such names from before.
pub(super) fn check_seen(name: &str) -> Result<(), String> {
    let is_odd = |c: &char| is_invisible(*c) || (c.is_whitespace() && *c != ' ');
    if let Some(odd) = name.chars().find(is_odd) {
        let number = u32::from(odd);
        return Err(format!("the name holds a character that nobody sees, U+{number:04X}; type it without"));
    }
    if name.contains("  ") {
        return Err("the name holds two spaces in a row; type one".to_owned());
    }
    Ok(())
}

/// The name with what nobody sees, or what changes the order of letters, written out: `ab\u{200b}c`. Tables may have such names
/// from before.
pub fn shown(name: &str) -> Cow<'_, str> {
    match name.contains(is_invisible) {
        false => name.into(),
        true => {
            let one = |c: char| if is_invisible(c) { c.escape_unicode().to_string() } else { c.to_string() };
            name.chars().map(one).collect()
        }
    }
}

/// The name without them.
pub(super) fn seen(name: &str) -> Cow<'_, str> {
    match name.contains(is_invisible) {
        false => name.into(),
        true => name.chars().filter(|c| !is_invisible(*c)).collect(),
    }
}

/// Unicode's property Default_Ignorable_Code_Point (version 16), and the blank pattern of Braille.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_names_hold_nothing_that_nobody_sees() {
        for odd in ["\u{200b}", "\u{200d}", "\u{ad}", "\u{a0}", "\u{3000}", "\u{2060}", "\u{fe0f}", "\u{3164}", "  "] {
            let name = format!("ab{odd}c");
            assert!(check_seen(&name).is_err(), "{}", name.escape_unicode());
        }
        for (name, written) in [("ab\u{200b}c", "ab\\u{200b}c"), ("\u{200f}x", "\\u{200f}x"), ("Änn", "Änn")] {
            assert_eq!(shown(name), written);
        }
        assert_eq!((seen("ab\u{200b}c"), seen("Änn")), ("abc".into(), "Änn".into()));
        for mark in ["\u{200e}", "\u{200f}", "\u{61c}", "\u{202e}", "\u{2066}"] {
            assert!(check(&format!("a{mark}b")).and_then(|()| check_seen(&format!("a{mark}b"))).is_err());
        }
        for name in ["ab c", "Ann Müller", "Änn", "山田", "علی"] {
            assert_eq!((check(name), check_seen(name)), (Ok(()), Ok(())), "{name}");
        }
    }
}
