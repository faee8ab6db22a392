//! Tables that people write (RFC 4180).

/// The line of a record: where it starts, or the first line after that which says something.
pub fn line_of(text: &str, start: &csv::Position) -> u64 {
    let rest = usize::try_from(start.byte()).ok().and_then(|byte| text.get(byte..)).unwrap_or_default();
    let silent = rest.lines().take_while(|line| line.trim().is_empty() || line.starts_with('#')).count();
    start.line().saturating_add(silent as u64)
}
