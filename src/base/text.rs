//! Text that others wrote.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

/// The text without characters that would break the line, drive a terminal or turn the order of what is read: what peers and
/// strangers say must not forge a log line or a command's answer. U+FFFD stands for each.
pub fn one_line(text: &str) -> String {
    // Control characters, and those that embed, override or isolate a direction of writing.
    let is_unfit = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if is_unfit(c) { '\u{fffd}' } else { c }).collect()
}

/// The text with its letters composed (Unicode's form C): `é` may also be written as an `e` and an accent.
pub fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() { text.into() } else { text.nfc().collect() }
}

/// The text with its letters decomposed (Unicode's form D), as some systems write names of files.
pub fn decomposed(text: &str) -> String {
    text.nfd().collect()
}

/// What people take for the same text is the same here: however its letters are composed, and in whatever case. By capital
/// letters, so that `ß` is `ss`, and first by small ones, since a capital `ẞ` has no other capitals; and `İ` and `ı` are `i`.
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let capital = text.nfd().flat_map(char::to_lowercase).flat_map(char::to_uppercase);
    let small: String = capital.flat_map(char::to_lowercase).nfc().collect();
    small.replace("i\u{307}", "i")
}

/// The same for names, where letters in other shapes are the same, too (Unicode's form KC): full width, small figures, ligatures.
pub fn folded_name(name: &str) -> String {
    if name.is_ascii() { folded(name) } else { folded(&name.nfkc().collect::<String>()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_the_line_or_drives_a_terminal() {
        assert_eq!(one_line("a\nb\u{1b}c\u{202e}d é"), "a\u{fffd}b\u{fffd}c\u{fffd}d é");
    }

    #[test]
    fn names_are_the_same_in_whatever_shapes_of_letters() {
        for (one, other) in
            [("dev3", "dev³"), ("DEV3", "ｄev3"), ("office", "oﬃce"), ("Änn", "a\u{308}NN"), ("a b", "a\u{a0}b")]
        {
            assert_eq!(folded_name(one), folded_name(other), "{one} {other}");
        }
        assert_ne!(folded_name("ann"), folded_name("änn"));
    }

    #[test]
    fn letters_are_the_same_however_they_are_written() {
        for (one, other) in [
            ("École", "e\u{301}cole"),
            ("STRASSE", "straße"),
            ("STRAẞE", "straße"),
            ("STRAẞE", "strasse"),
            ("istanbul", "İSTANBUL"),
            ("ΟΔΟΣ", "οδος"),
            ("Ånn", "a\u{30a}NN"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        for (one, other) in [("ecole", "école"), ("ann", "anna"), ("Änn", "Ann")] {
            assert_ne!(folded(one), folded(other), "{one} {other}");
        }
        assert_eq!((composed("e\u{301}"), decomposed("é")), ("é".into(), "e\u{301}".to_owned()));
    }
}
