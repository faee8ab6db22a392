//! Standard output and error: JSON for programs, tables for people. A closed pipe causes no panic.

use std::io::{self, IsTerminal, Write};

use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;

use super::{
    exit::{Exit, Failure, Outcome},
    terminal,
};

/// What may stand before the head of a column.
const MARKS: [char; 3] = ['>', '~', '?'];
/// Cells are shortened to these lengths, one after the other, until the table fits.
const CELL_LIMITS: [usize; 5] = [40, 24, 16, 12, 9];

/// Prints a line and flushes, so that the reader of a pipe sees it at once.
pub fn line(text: &str) -> Outcome {
    raw(format!("{text}\n").as_bytes())
}

/// Prints bytes as they are.
pub fn raw(bytes: &[u8]) -> Outcome {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        // The reader does not want the rest (`tussock history … | head`).
        io::ErrorKind::BrokenPipe => Failure::silent(Exit::Ok),
        _ => Failure::new(Exit::Io, format!("cannot write to standard output: {error}")),
    })
}

/// A line of comma-separated values (RFC 4180).
pub fn csv_line(fields: &[String]) -> String {
    let field = |text: &String| match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.clone(),
    };
    fields.iter().map(field).collect::<Vec<_>>().join(",") + "\r\n"
}

/// A text that anybody may have written, for a spreadsheet: what it would calculate (OWASP's list) gets an apostrophe, also where
/// one that takes semicolons or line ends for the end of a cell would see a cell begin. Numbers stay numbers.
pub fn no_formula(text: &str) -> String {
    const ENDS: [char; 4] = [';', '\t', '\r', '\n'];
    let mut safe = String::with_capacity(text.len() + 1);
    if text.starts_with(ENDS) {
        safe.push('\'');
    }
    let mut begins = true;
    for (at, c) in text.char_indices() {
        let calculates = matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
        let is_number = || {
            let cell = text[at..].split(ENDS).next().unwrap_or_default();
            cell.len() > 1 && cell.parse::<f64>().is_ok_and(f64::is_finite)
        };
        if begins && calculates && !is_number() {
            safe.push('\'');
        }
        safe.push(c);
        // A quote at a cell's beginning is not part of it.
        begins = ENDS.contains(&c) || begins && c == '"';
    }
    safe
}

/// Prints a remark on standard error. A closed standard error is ignored.
pub fn note(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}

/// Prints a remark if standard error is a terminal.
pub fn hint(text: &str) {
    if io::stderr().is_terminal() {
        note(text);
    }
}

/// Prints JSON: indented on a terminal, in one line otherwise.
pub fn json(value: &Value) -> Outcome {
    if io::stdout().is_terminal() { line(&format!("{value:#}")) } else { line(&value.to_string()) }
}

/// A plain table: a head and rows. It never wraps a cell. On a narrow terminal it shortens those columns that may be.
pub struct Rows {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Rows {
    /// A table with these column heads. Marks at the start of a head: `>` aligns the column to the right, `~` allows to
    /// shorten its cells, `?` allows to leave it out.
    pub fn new(heads: &[&str]) -> Self {
        Self { heads: heads.iter().map(|head| (*head).to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table's lines, or `nothing` if it has no rows.
    pub fn text(&self, nothing: &str) -> String {
        self.text_within(nothing, terminal::width())
    }

    fn text_within(&self, nothing: &str, width: Option<usize>) -> String {
        if self.rows.is_empty() {
            return nothing.to_owned();
        }
        let fits = |lines: &Vec<String>| width.is_none_or(|width| lines.iter().all(|l| l.chars().count() <= width));
        let mut columns: Vec<usize> = (0..self.heads.len()).collect();
        let mut lines = self.lines(&columns, usize::MAX);
        for limit in CELL_LIMITS {
            if fits(&lines) {
                break;
            }
            lines = self.lines(&columns, limit);
        }
        while !fits(&lines) {
            let Some(last) = columns.iter().rposition(|column| self.marked(*column, '?')) else { break };
            columns.remove(last);
            lines = self.lines(&columns, CELL_LIMITS[CELL_LIMITS.len() - 1]);
        }
        lines.join("\n")
    }

    fn marked(&self, column: usize, mark: char) -> bool {
        self.heads[column].chars().take_while(|c| MARKS.contains(c)).any(|c| c == mark)
    }

    /// The lines of these columns, with at most `limit` characters in the cells that may be shortened.
    fn lines(&self, columns: &[usize], limit: usize) -> Vec<String> {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(columns.iter().map(|column| self.heads[*column].trim_start_matches(MARKS)));
        for (column, head) in table.column_iter_mut().zip(columns) {
            column.set_padding((0, 2));
            if self.marked(*head, '>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for row in &self.rows {
            let cell = |column: &usize| match (row.get(*column), self.marked(*column, '~')) {
                (Some(cell), true) => terminal::shorten(cell, limit),
                (Some(cell), false) => cell.clone(),
                (None, _) => String::new(),
            };
            table.add_row(columns.iter().map(cell).collect::<Vec<_>>());
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect()
    }
}

/// `key  value` lines with aligned values. Rows with an empty value are left out.
pub fn facts(rows: &[(&str, String)]) -> String {
    let key_width = rows.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    let lines = rows.iter().filter(|(_, value)| !value.is_empty());
    let width = terminal::width();
    lines.map(|(key, value)| terminal::fit(&format!("{key:key_width$}  {value}"), width)).collect::<Vec<_>>().join("\n")
}

/// A field of an answer as text: strings as they are, numbers in digits, nothing if it is missing or null.
pub fn text(value: &Value, key: &str) -> String {
    match value.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A field of an answer as a number; 0 if it is missing.
pub fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
}

/// The first eight characters of a hash.
pub fn short(value: &Value, key: &str) -> String {
    text(value, key).chars().take(8).collect()
}

/// The elements of an answer that is a list; none for any other answer.
pub fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_align_columns_and_say_when_they_are_empty() {
        let mut rows = Rows::new(&["name", ">height"]);
        assert_eq!(rows.text("no rows"), "no rows");
        rows.row(["a".into(), "1234".into()]);
        rows.row(["longer".into(), "7".into()]);
        assert_eq!(rows.text(""), "name    height\na         1234\nlonger       7");
    }

    #[test]
    fn a_narrow_terminal_shortens_only_what_may_be_shortened() {
        let mut rows = Rows::new(&[">height", "~id", ">received"]);
        rows.row(["812".into(), "5f2a91c0".repeat(8), "99999999499576".into()]);
        assert!(rows.text_within("", None).contains(&"5f2a91c0".repeat(8)));
        let text = rows.text_within("", Some(60));
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        assert!(text.contains("812  5f2a91c05f") && text.contains('…') && text.ends_with("99999999499576"), "{text}");
        let mut rows = Rows::new(&["a", "?>b", "?~c"]);
        rows.row(["one".into(), "two".into(), "three".into()]);
        assert_eq!(rows.text_within("", Some(9)), "a      b\none  two");
        assert_eq!(rows.text_within("", Some(5)), "a\none");
    }

    #[test]
    fn what_a_spreadsheet_would_calculate_is_marked_and_numbers_are_not() {
        for (text, safe) in [
            ("=1+1", "'=1+1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\"=1", "\"'=1"),
            ("x;=HYPERLINK(1);\"+y\"", "x;'=HYPERLINK(1);\"'+y\""),
            ("two\n-lines", "two\n'-lines"),
            ("\t=1", "'\t'=1"),
            ("＝1", "'＝1"),
            ("- rent", "'- rent"),
        ] {
            assert_eq!(no_formula(text), safe);
        }
        for same in ["", "-5", "+0.5", "a=b; c-d", "x;-5;y", "rent", "-1e5", "'=1"] {
            assert_eq!(no_formula(same), same);
        }
    }

    #[test]
    fn facts_leave_out_empty_values() {
        let rows = [("a", "1".to_owned()), ("long", String::new()), ("bc", "2".to_owned())];
        assert_eq!(facts(&rows), "a     1\nbc    2");
        assert_eq!(text(&json!({"a": null, "b": "x", "c": 3}), "a"), "");
        assert_eq!(text(&json!({"c": 3}), "c"), "3");
    }
}
