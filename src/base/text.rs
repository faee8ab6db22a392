//! Text that others wrote.

/// The text without characters that would break the line, drive a terminal or turn the order of what is read: what peers and
/// strangers say must not forge a log line or a command's answer. U+FFFD stands for each.
pub fn one_line(text: &str) -> String {
    // Control characters, and those that embed, override or isolate a direction of writing.
    let is_unfit = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if is_unfit(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_the_line_or_drives_a_terminal() {
        assert_eq!(one_line("a\nb\u{1b}c\u{202e}d é"), "a\u{fffd}b\u{fffd}c\u{fffd}d é");
    }
}
