//! Whether the chain's file fits the blocks that are here: who seals may have been changed for a height that is over, or the
//! file may be one from before a change.

use crate::{
    base::hash::Hash,
    chain::{
        archive::{HeaderArchive, HeaderRow, SealRecord, StoreError},
        key::Claim,
        seal::Term,
        spec::ChainSpec,
    },
    cli::exit::{Exit, Failure, Outcome},
    store::LedgerReader,
};

/// Refuses a file that contradicts the ledger, or what authorities have made final. `record`: what this node has of that.
pub(super) fn check(ledger: &LedgerReader, spec: &ChainSpec, record: &SealRecord) -> Outcome {
    let undone = find_undone(ledger, spec, record).transpose();
    match undone.map_or_else(|| find_contradiction(ledger, spec), |undone| undone.map(Some)) {
        Ok(None) => Ok(()),
        Ok(Some(what)) => Err(Failure::new(Exit::Mismatch, what)),
        Err(error) => Err(Failure::new(Exit::Io, error.to_string())),
    }
}

/// A final block that the file undoes: it continues from one below.
fn find_undone(ledger: &LedgerReader, spec: &ChainSpec, record: &SealRecord) -> Result<Option<String>, StoreError> {
    let Some(said) = record.last_final().map(|finality| finality.statement) else { return Ok(None) };
    let Some(row) = ledger.header(&said.block)? else { return Ok(None) };
    let height = row.header.height;
    let continued = spec.authorities.terms().iter().filter_map(|term| Some((term, term.continues?)));
    let mut undoing = continued.filter(|(term, _)| said.epoch < term.set.epoch() && height >= term.from);
    Ok(undoing.next().map(|(term, block)| {
        format!(
            "this node holds block {height}, {}, final, and the file of chain \"{}\" undoes it: it continues block {}, {block}, \
             with other authorities; whoever wrote it has continued from too low a block: compare final in the status of all \
             nodes, and continue from the highest",
            said.block,
            spec.name,
            term.from.saturating_sub(1)
        )
    }))
}

fn find_contradiction(ledger: &LedgerReader, spec: &ChainSpec) -> Result<Option<String>, StoreError> {
    let tip = ledger.tip()?.height;
    if spec.authorities.terms().is_empty() || tip == 0 {
        return Ok(None);
    }
    if let Some(term) = spec.authorities.terms().iter().rev().find(|term| term.continues.is_some() && term.from <= tip)
        && let Some(row) = ledger.applied_at(term.from)?
        && !spec.seal_rules().parent_claims(spec, &row.header).iter().all(Claim::holds)
    {
        let block = term.continues.unwrap_or_default();
        return Ok(Some(format!(
            "the file of chain \"{}\" continues block {block} with other authorities, and this node's ledger goes on behind it \
             with blocks of those that are lost; move ledger.db away, and the node fetches the chain from the others",
            spec.name
        )));
    }
    for term in spec.authorities.terms().iter().skip(1) {
        if term.from <= tip.saturating_add(1)
            && let Some(row) = ledger.applied_at(term.from.saturating_sub(1))?
            && !fits(term, &row)
        {
            return Ok(Some(contradicted(spec, term, tip)));
        }
    }
    let next = spec.authorities.term_at(tip.saturating_add(1));
    let last = ledger.applied_at(tip)?;
    let is_known = last.is_none_or(|row| next.is_some_and(|term| fits(term, &row)));
    Ok((!is_known).then(|| {
        format!(
            "block {tip} of this node's ledger hands over to authorities whom the file of chain \"{}\" does not have; get the \
             newer file of whoever changed them",
            spec.name
        )
    }))
}

/// Whether a block may be followed by the first, or any, block of this set.
fn fits(term: &Term, row: &HeaderRow) -> bool {
    let is_before_first = row.header.height.saturating_add(1) == term.from;
    match term.continues.filter(|_| is_before_first) {
        Some(continued) => continued == row.hash,
        None => next_of(row).is_none_or(|next| next == term.set.hash()),
    }
}

fn next_of(row: &HeaderRow) -> Option<Hash> {
    row.header.authority_seal().map(|seal| seal.next_authorities)
}

fn contradicted(spec: &ChainSpec, term: &Term, tip: u32) -> String {
    let (name, from) = (&spec.name, term.from);
    match term.continues {
        Some(continued) => format!(
            "the file of chain \"{name}\" continues block {continued} with other authorities from block {from} on, and this \
             node's ledger has another block there: it follows another history than whoever wrote the file"
        ),
        None => format!(
            "the file of chain \"{name}\" changes the authorities from block {from} on, and this node's ledger, which is at \
             block {tip}, has that block from others; choose a height that is yet to come, or get the file that the others use"
        ),
    }
}
