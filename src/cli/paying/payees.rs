//! Payees as people write them.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;

use crate::{
    chain::{address::Address, transaction::Output},
    cli::{
        context::Context,
        exit::{Exit, Failure, Outcome},
        remote::Remote,
        units::{self, WrittenAmount},
    },
    wallet::{
        building::{Fee, Plan, Spend},
        coins::ListedCoin,
        keys::Keys,
        tables::line_of,
    },
};

/// Bytes of a file of payees; those of one transaction take a tenth.
const MAX_CSV_BYTES: u64 = 256 * 1024;
/// The first line may name the columns.
const COLUMNS: [&str; 3] = ["address", "to", "payee"];

/// How much is paid.
#[derive(Clone, Debug)]
pub(super) enum Paid {
    /// All that can be spent now, less the fee.
    All,
    /// An amount.
    Amount(WrittenAmount),
}

/// Parses an amount, or `all`.
pub(super) fn parse_paid(text: &str) -> Result<Paid, String> {
    if text == "all" { Ok(Paid::All) } else { units::parse_written_payment(text).map(Paid::Amount) }
}

/// Who gets how much, as people wrote it.
#[derive(Clone, Debug)]
pub(super) struct WrittenPayee {
    to: String,
    amount: WrittenAmount,
    /// Where it was written: before what is wrong with it.
    place: String,
}

impl WrittenPayee {
    pub(super) fn new(to: String, amount: WrittenAmount) -> Self {
        Self { to, amount, place: String::new() }
    }

    /// What it says on this chain.
    pub(super) fn output(&self, context: &Context, keys: &Keys<'_>) -> Outcome<Output> {
        let at = |failure: Failure| Failure { message: format!("{}{}", self.place, failure.message), ..failure };
        let amount = self.amount.base_units(&context.spec().unit).map_err(|text| at(Failure::usage(text)))?;
        let address = keys.address(&self.to).map_err(|error| at(error.into()))?;
        Ok(Output { amount, address })
    }
}

/// Who is paid, and what is said of it.
#[derive(Args, Debug)]
pub(super) struct PayeeFlags {
    /// The payee: an address, or the name of a key or contact
    #[arg(value_name = "TO", required_unless_present_any = ["payees", "csv"], requires = "amount")]
    to: Option<String>,
    /// Base units, or the chain's unit; or `all`
    #[arg(value_name = "AMOUNT", value_parser = parse_paid)]
    amount: Option<Paid>,
    /// One of several payees, in one transaction
    #[arg(long = "to", value_name = "TO=AMOUNT", conflicts_with = "to", value_parser = parse_payee)]
    payees: Vec<WrittenPayee>,
    /// Payees of a table: a payee and an amount on each line, with a comma between them, or as spreadsheets of some countries write
    /// it a semicolon on all lines; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    csv: Option<PathBuf>,
    /// Where what is left of the coins goes [default: back to the paying key]
    #[arg(long, value_name = "ADDRESS")]
    change: Option<String>,
    /// A public text of at most 512 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    memo: String,
}

impl PayeeFlags {
    /// The payment that they ask for.
    pub(super) fn plan(&self, context: &Context, fee: Fee) -> Outcome<Plan> {
        let keys = Keys::new(&context.folder(), context.spec());
        let rest = self.change.as_ref().map(|change| keys.address(change)).transpose()?;
        let memo = self.memo.clone().into_bytes();
        let mut plan = Plan { outputs: Vec::new(), rest, fee, spend: Spend::Enough, memo };
        let mut written = self.payees.clone();
        if let Some(path) = &self.csv {
            written.extend(read_csv(path)?);
        }
        match (&self.to, &self.amount) {
            (Some(to), Some(Paid::All)) => {
                if self.change.is_some() {
                    return Err(Failure::usage("\"all\" leaves nothing; leave out --change"));
                }
                plan.rest = Some(keys.address(to)?);
                plan.spend = Spend::All;
            }
            (Some(to), Some(Paid::Amount(amount))) => written.push(WrittenPayee::new(to.clone(), amount.clone())),
            _ => {}
        }
        for payee in written {
            plan.outputs.push(payee.output(context, &keys)?);
        }
        Ok(plan)
    }
}

/// The coins of an address that a node lists.
pub(super) fn listed_coins(context: &Context, remote: &Remote, owner: &Address) -> Outcome<Vec<ListedCoin>> {
    let listed = remote.call("coins", json!([context.show(owner)]))?;
    let unreadable = |error| Failure::new(Exit::Internal, format!("the node's list of coins cannot be read: {error}"));
    serde_json::from_value(listed).map_err(unreadable)
}

/// Parses `TO=AMOUNT`.
pub(super) fn parse_payee(text: &str) -> Result<WrittenPayee, String> {
    let (to, amount) = text.rsplit_once('=').ok_or("a payee and an amount belong together: TO=AMOUNT")?;
    let amount = units::parse_written_payment(amount)?;
    Ok(WrittenPayee { to: to.to_owned(), amount, place: format!("--to {text}: ") })
}

/// The payees of a file; `-`: of standard input.
pub(super) fn read_csv(path: &Path) -> Outcome<Vec<WrittenPayee>> {
    let is_standard = path == Path::new("-");
    let name = if is_standard { "standard input".to_owned() } else { path.display().to_string() };
    let mut bytes = Vec::new();
    let read = match is_standard {
        true => io::stdin().lock().take(MAX_CSV_BYTES + 1).read_to_end(&mut bytes),
        false => File::open(path).and_then(|file| file.take(MAX_CSV_BYTES + 1).read_to_end(&mut bytes)),
    };
    read.map_err(|error| Failure::input(path, &error))?;
    let wrong = |problem: String| Failure::usage(format!("{name}: {problem}"));
    if bytes.len() as u64 > MAX_CSV_BYTES {
        return Err(wrong(format!("more than {MAX_CSV_BYTES} bytes; pay in several parts")));
    }
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| wrong("not a text in UTF-8; save the table as \"CSV UTF-8\"".to_owned()))?;
    let payees = parse_csv(&text).map_err(wrong)?;
    let named = |payee: WrittenPayee| WrittenPayee { place: format!("{name}: {}", payee.place), ..payee };
    Ok(payees.into_iter().map(named).collect())
}

/// A table as spreadsheets write it (RFC 4180), with commas or semicolons between cells: whichever of them comes first in the
/// first line, since no payee has one in its name. On each line a payee and an amount; more columns are for people. Empty lines and those that begin with `#` say nothing. A first line
/// may name the columns: then it begins with `address,amount`.
fn parse_csv(text: &str) -> Result<Vec<WrittenPayee>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#')).unwrap_or_default();
    let is_semicolon = first.find([',', ';']).is_some_and(|at| first[at..].starts_with(';'));
    let (separator, between) =
        if is_semicolon { (b';', "a semicolon, as in the first line,") } else { (b',', "a comma") };
    check_quotes(text, separator)?;
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).comment(Some(b'#')).delimiter(separator).trim(csv::Trim::All);
    let (mut payees, mut columns) = (Vec::new(), None);
    for (index, record) in reader.from_reader(text.as_bytes()).records().enumerate() {
        let record = record.map_err(|error| format!("not a table: {error}"))?;
        let line = record.position().map_or(0, |start| line_of(text, start));
        let at = |problem: &str| format!("line {line}: {problem}");
        let cell = |index: usize| record.get(index).unwrap_or_default();
        let names_payees = |index| COLUMNS.contains(&cell(index).to_lowercase().as_str());
        if index == 0 && (names_payees(0) || names_payees(1)) {
            if !names_payees(0) || cell(1).to_lowercase() != "amount" {
                return Err(at("a line of titles begins with address,amount, in this order"));
            }
            columns = Some(record.iter().take_while(|title| !title.is_empty()).count());
            continue;
        }
        if record.iter().all(str::is_empty) {
            continue;
        }
        if cell(0).is_empty() || cell(1).is_empty() {
            return Err(at(&format!("a payee and an amount are needed, with {between} between them")));
        }
        let filled = (0..record.len()).rev().find(|at| !cell(*at).is_empty()).map_or(0, |last| last + 1);
        // 1,000.50 is an amount of one and a third cell, unless the title line knows of a third that looks otherwise.
        let third = cell(2).trim_matches(['\'', '"', ' ']);
        let may_go_on = third.starts_with(|first: char| first.is_ascii_digit());
        let is_thousand = is_rest_of_thousand(cell(1), third);
        let is_longer = columns.is_some_and(|columns| filled > columns);
        if columns.is_none_or(|columns| columns < 3) && may_go_on || is_thousand {
            let amount = format!("{},{}", cell(1), cell(2));
            let advice = match columns {
                None => "name the columns, such as address,amount,memo",
                Some(_) if is_longer => "leave out what has no title",
                Some(_) => "write words beside the number",
            };
            return Err(at(&format!("{amount}: if that is one amount, write it without the comma; else {advice}")));
        }
        if is_longer {
            return Err(at("more cells than titles; a comma within a cell needs quotes around it"));
        }
        let amount = units::parse_written_payment(cell(1)).map_err(|problem| match index {
            0 => at(&format!("{}: {problem}; titles are address,amount", cell(1))),
            _ => at(&format!("{}: {problem}", cell(1))),
        })?;
        payees.push(WrittenPayee { to: cell(0).to_owned(), amount, place: format!("line {line}: ") });
    }
    if payees.is_empty() { Err("no payees in it".to_owned()) } else { Ok(payees) }
}

/// Whether two cells look like a number of thousands that was cut at its comma.
fn is_rest_of_thousand(first: &str, rest: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, _) = rest.split_once('.').unwrap_or((rest, ""));
    is_digits(first) && first.len() <= 3 && is_digits(whole) && whole.len() == 3
}

/// Refuses quotes that would swallow what is behind them: a cell that has one at its start ends with one, on the same line.
fn check_quotes(text: &str, separator: u8) -> Result<(), String> {
    let separator = char::from(separator);
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#')) {
        let mut rest = line;
        loop {
            let Some(mut quoted) = rest.strip_prefix('"') else {
                match rest.split_once(separator) {
                    Some((_, next)) => rest = next,
                    None => break,
                }
                continue;
            };
            // Two quotes within are one.
            let behind = loop {
                let Some((_, behind)) = quoted.split_once('"') else {
                    return Err(format!("line {number}: a cell begins with a quote that does not end on this line"));
                };
                match behind.strip_prefix('"') {
                    Some(next) => quoted = next,
                    None => break behind.trim_start_matches([' ', '\t']),
                }
            };
            match behind.strip_prefix(separator) {
                Some(next) => rest = next,
                None if behind.is_empty() => break,
                None => return Err(format!("line {number}: there is text behind the quote at the end of a cell")),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payees_are_read_from_a_table_and_a_wrong_line_is_named() {
        let text = "\u{feff}Address,amount,what for\nalice, 500,\"Meier, Hans\"\n\n# later\n\"bob\",\"7.5\",2026\r\n";
        let payees = parse_csv(text).unwrap();
        let read: Vec<(&str, &str)> = payees.iter().map(|payee| (payee.to.as_str(), payee.place.as_str())).collect();
        assert_eq!(read, [("alice", "line 2: "), ("bob", "line 5: ")]);
        let [one, two] = ["a;5\nb;6\n", "# wages\nto,amount\na,5\nb,6"].map(|text| parse_csv(text).unwrap());
        assert_eq!((one.len(), two.len()), (2, 2));
        for (wrong, line) in [("alice 500", "line 1"), ("a,5\nb,x", "line 2"), (",5", "line 1"), ("a,0", "line 1")] {
            let problem = parse_csv(wrong).unwrap_err();
            assert!(problem.starts_with(line), "{wrong}: {problem}");
        }
        assert!(parse_csv("address,amount\n").is_err() && parse_csv("").is_err());
        assert!(parse_csv("name,sum\na,5").unwrap_err().contains("titles are address,amount"));
        for titles in ["address,for,amount", "amount,address"] {
            assert!(parse_csv(&format!("{titles}\na,rent,5")).unwrap_err().contains("in this order"), "{titles}");
        }
    }

    /// A semicolon in a note made the commas of the table none.
    #[test]
    fn a_table_has_one_separator_which_its_first_line_shows() {
        for table in [
            "a,5,\"rent; food\"\nb,6,x",
            "a,5,rent; food",
            "# to; amount\na,5",
            "to;amount;what for\na;5;rent, food",
            "a;5;\"rent, food\"",
            "\"a\";\"5\"",
        ] {
            let read = parse_csv(table).map(|payees| payees.first().map(|payee| payee.to.clone()));
            assert_eq!(read, Ok(Some("a".to_owned())), "{table}");
        }
        for (table, line, between) in [
            ("a;5\nb,6", "line 2", "a semicolon, as in the first line,"),
            ("a,5\nb;6", "line 2", "a comma"),
            ("a\t5", "line 1", "a comma"),
            ("a 5", "line 1", "a comma"),
        ] {
            let problem = parse_csv(table).unwrap_err();
            let wanted = format!("{line}: a payee and an amount are needed, with {between} between them");
            assert_eq!(problem, wanted, "{table}");
        }
    }

    #[test]
    fn an_amount_with_a_comma_is_never_paid_as_another() {
        // As people and spreadsheets write a thousand, and one and a half.
        for wrong in [
            "a,1,000",
            "\"a\",\"1,000\"",
            "a;1,50",
            "a;\"1,50\"",
            "a,1,000.50",
            "x,5\na,1,000",
            "address,amount\na,1,000",
            "to,amount,\na,1,000",
        ] {
            let problem = parse_csv(wrong).unwrap_err();
            assert!(problem.contains("1,000") || problem.contains("1,50"), "{wrong}: {problem}");
            let is_advised = !wrong.contains(['"', ';']) && !wrong.contains("amount");
            assert_eq!(problem.contains("name the columns"), is_advised, "{wrong}: {problem}");
        }
        assert_eq!(parse_csv("address,amount,year\na,1,2026").unwrap().len(), 1);
    }

    #[test]
    fn no_quote_swallows_payees_and_no_row_is_longer_than_its_titles() {
        for (wrong, line) in [
            ("dev1,5,\"rent\ndev2,7,food\ndev3,8,x\n", "line 1"),
            ("dev1,5,\"rent\ndev2,7,fo\"od\ndev3,8,x\n", "line 1"),
            ("address,amount,memo\ndev1,5,x\ndev2,5,\"Big Joe\" Miller\n", "line 3"),
            ("dev1,5,\"two\nlines\"\n", "line 1"),
            ("address,amount,memo\ndev1,1,000,rent\ndev2,2,500,food", "line 2"),
            ("address,amount,memo\ndev1,1,000", "line 2"),
            ("address,amount,memo\ndev1,1,rent, food", "line 2"),
            ("dev1,1,'000'", "line 1"),
        ] {
            let problem = parse_csv(wrong).unwrap_err();
            assert!(problem.starts_with(line), "{wrong}: {problem}");
        }
        for right in
            ["a,5,\"say \"\"hi\"\", Bob\"\n", "a,5,nails of 6\"\n", "address,amount,memo\na,5,\n", "\"a\" ,5\n"]
        {
            assert_eq!(parse_csv(right).map(|payees| payees.len()), Ok(1), "{right}");
        }
    }

    #[test]
    fn a_payee_of_the_command_line_is_a_name_and_an_amount() {
        assert_eq!(parse_payee("alice=5").unwrap().to, "alice");
        assert!(parse_payee("alice").is_err() && parse_payee("alice=0").is_err() && parse_payee("alice=all").is_err());
        assert!(matches!(parse_paid("all"), Ok(Paid::All)) && parse_paid("some").is_err());
    }
}
