//! Payees as people write them.

use std::{fs, path::Path};

use crate::{
    chain::transaction::Output,
    cli::{
        context::Context,
        exit::{Failure, Outcome},
        units::{self, WrittenAmount},
    },
    wallet::keys::Keys,
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

/// Parses `TO=AMOUNT`.
pub(super) fn parse_payee(text: &str) -> Result<WrittenPayee, String> {
    let (to, amount) = text.rsplit_once('=').ok_or("a payee and an amount belong together: TO=AMOUNT")?;
    let amount = units::parse_written_payment(amount)?;
    Ok(WrittenPayee { to: to.to_owned(), amount, place: format!("--to {text}: ") })
}

/// The payees of a file.
pub(super) fn read_csv(path: &Path) -> Outcome<Vec<WrittenPayee>> {
    let size = fs::metadata(path).map_err(|error| Failure::input(path, &error))?.len();
    if size > MAX_CSV_BYTES {
        return Err(Failure::usage(format!("{}: {size} bytes; at most {MAX_CSV_BYTES} are read", path.display())));
    }
    let text = fs::read_to_string(path).map_err(|error| Failure::input(path, &error))?;
    let payees = parse_csv(&text).map_err(|problem| Failure::usage(format!("{}: {problem}", path.display())))?;
    let named = |payee: WrittenPayee| WrittenPayee { place: format!("{}: {}", path.display(), payee.place), ..payee };
    Ok(payees.into_iter().map(named).collect())
}

/// A payee and an amount on each line, with a comma or semicolon between them. More columns are for people. Empty lines and
/// those that begin with `#` say nothing, nor does a first line that names the columns.
fn parse_csv(text: &str) -> Result<Vec<WrittenPayee>, String> {
    let mut payees = Vec::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let line = line.trim();
        let mut cells = line.split([',', ';']).map(|cell| cell.trim().trim_matches('"').trim());
        let to = cells.next().unwrap_or_default();
        let is_title = number == 1 && COLUMNS.contains(&to.to_lowercase().as_str());
        if line.is_empty() || line.starts_with('#') || is_title {
            continue;
        }
        let amount = cells.next().filter(|_| !to.is_empty());
        let amount =
            amount.ok_or_else(|| format!("line {number}: a payee and an amount, with a comma between them"))?;
        let amount = units::parse_written_payment(amount).map_err(|problem| format!("line {number}: {problem}"))?;
        payees.push(WrittenPayee { to: to.to_owned(), amount, place: format!("line {number}: ") });
    }
    if payees.is_empty() { Err("no payees in it".to_owned()) } else { Ok(payees) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payees_are_read_from_a_table_and_a_wrong_line_is_named() {
        let text = "\u{feff}Address,amount,what for\nalice, 500,wages\n\n# later\n\"bob\";\"7.5\"\r\n";
        let payees = parse_csv(text).unwrap();
        let read: Vec<(&str, &str)> = payees.iter().map(|payee| (payee.to.as_str(), payee.place.as_str())).collect();
        assert_eq!(read, [("alice", "line 2: "), ("bob", "line 5: ")]);
        for (wrong, line) in [("alice 500", "line 1"), ("a,5\nb,x", "line 2"), (",5", "line 1"), ("a,0", "line 1")] {
            let problem = parse_csv(wrong).unwrap_err();
            assert!(problem.starts_with(line), "{wrong}: {problem}");
        }
        assert!(parse_csv("address,amount\n").is_err());
    }

    #[test]
    fn a_payee_of_the_command_line_is_a_name_and_an_amount() {
        assert_eq!(parse_payee("alice=5").unwrap().to, "alice");
        assert!(parse_payee("alice").is_err() && parse_payee("alice=0").is_err() && parse_payee("alice=all").is_err());
        assert!(matches!(parse_paid("all"), Ok(Paid::All)) && parse_paid("some").is_err());
    }
}
