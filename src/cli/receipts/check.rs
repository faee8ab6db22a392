//! `check`: says what a receipt shows.

use std::{
    fs::File,
    io::{BufReader, Read as _},
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Value, json};

use super::{header_file::HeaderFile, sha256};
use crate::{
    base::hash::{Hash, hex},
    chain::{
        header::Header,
        receipt::{Clock, Proven, Receipt, ReceiptFault},
    },
    cli::{
        context::Context,
        exit::{Exit, Failure, Outcome},
        output, units,
    },
};

/// What follows a file's name in its receipt's.
pub(super) const RECEIPT_SUFFIX: &str = ".receipt.json";
/// Bytes of a receipt at most: one with all headers of 20,000 blocks that 64 authorities sealed is as large.
const MAX_RECEIPT_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes by which a file that is no receipt is told: space, and the brace that opens one.
const FIRST_BYTES: u64 = 256;
/// What the first bytes of a receipt name, so that one of which the rest is lost is told from other JSON.
const RECEIPT_KEY: &[u8] = b"\"tussock_receipt\"";

/// `tussock check`
#[derive(Args, Debug)]
#[command(after_help = "\
On a chain that authorities seal the chain's file is all that it takes. On a
chain of proof of work anybody can make a block with enough work: that the
block is the network's, a node tells, or a file of headers. Exit code 5 if the
receipt shows nothing, 9 if the chain's file is not that of the receipt.

Examples:
  tussock check receipt.json --chain meadow.toml
  tussock check contract.pdf --chain meadow.toml
  tussock check receipt.json --headers headers.dat")]
pub struct CheckArgs {
    /// A receipt, or a file that has one beside it: FILE.receipt.json
    #[arg(value_name = "RECEIPT|FILE")]
    file: PathBuf,
    /// Take the chain's blocks from this file instead of from a node; `tussock chain headers` makes it
    #[arg(long, value_name = "FILE")]
    headers: Option<PathBuf>,
}

/// What was given: a receipt, and the file that it is about, as far as that is here.
struct Given {
    receipt: Receipt,
    /// Its path, and its hash.
    file: Option<(PathBuf, Hash)>,
}

/// Runs `check`.
pub fn run(context: &Context, arguments: &CheckArgs) -> Outcome {
    let Given { receipt, file } = read(&arguments.file)?;
    let proven = receipt.check(context.spec()).map_err(|fault| refused(&arguments.file, &fault))?;
    if let Some((path, hash)) = &file {
        let named = receipt.file.as_ref().is_some_and(|file| file.sha256 == hash.to_string());
        if !named {
            let problem = "the receipt beside it is of other content: the file was changed";
            return Err(Failure::new(Exit::Rejected, format!("{problem}: {}", path.display())));
        }
    }
    let memo = &proven.transaction.transaction.memo;
    if receipt.file.as_ref().is_some_and(|file| !file.is_in(memo)) {
        return Err(refused(&arguments.file, &ReceiptFault::File));
    }
    let standing = standing(context, arguments, &proven).map_err(|lost| lost.failure(&receipt, &proven))?;
    let facts = facts(context, &receipt, &proven, file.as_ref().map(|(path, _)| path.as_path()), &standing);
    context.print(&facts, |facts| text(context, facts))
}

fn refused(path: &Path, fault: &ReceiptFault) -> Failure {
    // It may be true: another chain's file may tell.
    let advice = match fault {
        ReceiptFault::OtherNetwork(..) => "; name its chain's file with --chain",
        ReceiptFault::LaterSet(_) => "; get the chain's newer file from those who seal it",
        ReceiptFault::OtherSet(_) => "; compare the file with that of those who seal the chain",
        _ => "",
    };
    let exit = if advice.is_empty() { Exit::Rejected } else { Exit::Mismatch };
    Failure::new(exit, format!("the receipt shows nothing: {}: {fault}{advice}", path.display()))
}

/// Reads the receipt beside a file, which may be a receipt itself; without one, the file is it.
fn read(path: &Path) -> Outcome<Given> {
    let not_one =
        |path: &Path, why: &str| Failure::new(Exit::Rejected, format!("not a receipt: {}{why}", path.display()));
    let beside = beside(path);
    if beside.exists() {
        let file = Some((path.to_owned(), sha256::of_file(path)?));
        return match parse(&beside)? {
            Parsed::Receipt(receipt) => Ok(Given { receipt: *receipt, file }),
            Parsed::Damaged(problem) => Err(damaged(&beside, &problem)),
            Parsed::Nothing => Err(not_one(&beside, "")),
            Parsed::Unreadable(problem) => Err(not_one(&beside, &format!(": {problem}"))),
        };
    }
    let advice = "name a receipt, or make one with: tussock notarise FILE";
    match parse(path)? {
        Parsed::Receipt(receipt) => {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let file = name.strip_suffix(RECEIPT_SUFFIX).map(|name| path.with_file_name(name));
            let file = file.filter(|file| receipt.file.is_some() && file.is_file());
            let file = file.map(|file| sha256::of_file(&file).map(|hash| (file, hash))).transpose()?;
            Ok(Given { receipt: *receipt, file })
        }
        Parsed::Damaged(problem) => Err(damaged(path, &problem)),
        Parsed::Unreadable(problem) => Err(not_one(path, &format!(", and none is beside it: {problem}; {advice}"))),
        Parsed::Nothing => {
            Err(Failure::new(Exit::NotFound, format!("no receipt beside it: {}; {advice}", beside.display())))
        }
    }
}

fn damaged(path: &Path, problem: &str) -> Failure {
    let advice = "copy it again from where it was made, or make it again with tussock notarise or tussock prove";
    Failure::new(
        Exit::Rejected,
        format!("the receipt is damaged or incomplete: {}: {problem}; {advice}", path.display()),
    )
}

/// Where the receipt of a file is.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(RECEIPT_SUFFIX);
    PathBuf::from(name)
}

/// The receipt in this file, if it is one.
pub(super) fn read_receipt(path: &Path) -> Outcome<Option<Receipt>> {
    Ok(match parse(path)? {
        Parsed::Receipt(receipt) => Some(*receipt),
        Parsed::Nothing | Parsed::Damaged(_) | Parsed::Unreadable(_) => None,
    })
}

/// What a file is.
enum Parsed {
    Receipt(Box<Receipt>),
    /// Not JSON, or too large.
    Nothing,
    /// It was a receipt, and some of it is lost or changed. What is wrong.
    Damaged(String),
    /// It begins like one. Why it is none.
    Unreadable(String),
}

/// Reads a file once, so that it may be a pipe, and never more of it than a receipt may have.
fn parse(path: &Path) -> Outcome<Parsed> {
    let failed = |error| Failure::input(path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut first = Vec::new();
    file.by_ref().take(FIRST_BYTES).read_to_end(&mut first).map_err(failed)?;
    if length > MAX_RECEIPT_BYTES || first.trim_ascii_start().first() != Some(&b'{') {
        return Ok(Parsed::Nothing);
    }
    let is_named = first.windows(RECEIPT_KEY.len()).any(|window| window == RECEIPT_KEY);
    let all = first.chain(file.take(MAX_RECEIPT_BYTES));
    match serde_json::from_reader(BufReader::new(all)) {
        Ok(receipt) => Ok(Parsed::Receipt(receipt)),
        Err(error) if error.is_io() => Err(failed(error.into())),
        Err(error) if is_named => Ok(Parsed::Damaged(error.to_string())),
        Err(error) => Ok(Parsed::Unreadable(error.to_string())),
    }
}

/// What is known of the block besides the receipt.
struct Standing {
    /// How many blocks of the chain are above it, as far as that is known; it counts itself.
    confirmations: u32,
    /// Whether a quorum made it final.
    is_final: bool,
    /// Who says so, in words.
    by: String,
}

/// Why nobody vouches for a receipt's block.
enum Lost {
    /// The chain has another in its place, or one above.
    Reorganised(String),
    /// Anything else.
    Other(Failure),
}

impl From<Failure> for Lost {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

impl Lost {
    /// The failure. The same payment is mostly in another block by then, and can be proven there.
    fn failure(self, receipt: &Receipt, proven: &Proven) -> Failure {
        let problem = match self {
            Self::Other(failure) => return failure,
            Self::Reorganised(problem) => problem,
        };
        let txid = proven.transaction.txid;
        let (output, again) = (&receipt.output, "if its transaction is in another block now, make a new receipt");
        let how = match (&receipt.file, output) {
            (Some(_), _) => format!("move it away, then tussock notarise FILE --tx {txid}"),
            (None, Some(output)) => format!("tussock prove {txid} --output {}", output.index),
            (None, None) => format!("tussock prove {txid}"),
        };
        Failure::new(Exit::Rejected, format!("{problem}; {again}: {how}"))
    }
}

fn standing(context: &Context, arguments: &CheckArgs, proven: &Proven) -> Result<Standing, Lost> {
    let above = u32::try_from(proven.above.len()).unwrap_or(u32::MAX);
    if let Some(certificate) = &proven.certificate {
        let of = context.spec().authorities.of(certificate.statement.epoch).map_or(0, |set| set.count());
        let by = format!("{} of {of} authorities signed that it is final", certificate.votes.count());
        return Ok(Standing { confirmations: above.saturating_add(1), is_final: true, by });
    }
    match &arguments.headers {
        Some(path) => by_file(context, path, proven),
        None => by_node(context, proven),
    }
}

fn by_file(context: &Context, path: &Path, proven: &Proven) -> Result<Standing, Lost> {
    let file = HeaderFile::read(context.spec(), path)?;
    let (header, hash) = &proven.header;
    if header.height > file.height {
        let problem = format!("the headers end below the receipt's block: {}", path.display());
        let text = format!("{problem}: {} of {}; make the file again", file.height, header.height);
        return Err(Failure::new(Exit::Rejected, text).into());
    }
    if !file.has(hash) {
        let height = header.height;
        let problem = format!("its block was reorganised away: these headers have another at height {height}");
        return Err(Lost::Reorganised(problem));
    }
    unknown_above(proven.above.iter().filter(|(header, _)| header.height <= file.height), |hash| Ok(file.has(hash)))?;
    let (until, work) = (units::utc(file.time), file.work);
    let by = format!("the headers in {}, up to {until} with work {work:?}", path.display());
    Ok(Standing { confirmations: file.height - header.height + 1, is_final: false, by })
}

fn by_node(context: &Context, proven: &Proven) -> Result<Standing, Lost> {
    let remote = context.remote().map_err(|failure| {
        let advice = "that its block is the network's, a node tells, or a file of headers (--headers)";
        Failure::new(failure.exit, format!("{}; {advice}", failure.message))
    })?;
    let (header, hash) = &proven.header;
    let known = |hash: &Hash| match remote.call("getblockheader", json!([hash])) {
        Err(failure) if failure.exit == Exit::NotFound => Ok(None),
        answer => answer.map(Some),
    };
    let Some(block) = known(hash)? else {
        return Err(Lost::Reorganised(format!("the node does not know its block: {hash}")));
    };
    if block["in_best_chain"] != true {
        let height = header.height;
        return Err(Lost::Reorganised(format!(
            "its block was reorganised away: the chain has another at height {height}"
        )));
    }
    unknown_above(proven.above.iter(), |hash| Ok(known(hash)?.is_some()))?;
    let confirmations = u32::try_from(output::number(&block, "confirmations")).unwrap_or(u32::MAX);
    Ok(Standing { confirmations, is_final: false, by: "the node here".to_owned() })
}

/// Fails if nobody knows one of the headers above.
fn unknown_above<'a>(
    mut above: impl Iterator<Item = &'a (Header, Hash)>,
    mut knows: impl FnMut(&Hash) -> Outcome<bool>,
) -> Result<(), Lost> {
    above.try_for_each(|(_, hash)| match knows(hash)? {
        true => Ok(()),
        false => Err(Lost::Reorganised(format!("a header above its block is not of this chain: {hash}"))),
    })
}

fn facts(context: &Context, receipt: &Receipt, proven: &Proven, file: Option<&Path>, standing: &Standing) -> Value {
    let (header, hash) = &proven.header;
    let output = |(amount, address)| json!({ "amount": amount, "address": context.show(&address) });
    let there_by = proven.there_by();
    let (clock, clocks) = match there_by.clock {
        Clock::Beginning => ("beginning", None),
        Clock::Miner => ("miner", None),
        Clock::Authorities(signers) => ("authorities", Some(signers)),
    };
    let signers: Option<Vec<usize>> =
        proven.certificate.as_ref().map(|certificate| certificate.votes.iter().map(|(signer, _)| signer).collect());
    json!({
        "ok": true,
        "txid": proven.transaction.txid,
        "block": hash,
        "height": header.height,
        "time": there_by.time,
        "clock": clock,
        "clocks": clocks,
        "final": standing.is_final,
        "signers": signers,
        "final_time": proven.certificate.as_ref().map(|certificate| certificate.median_clock() / 1000),
        "confirmations": standing.confirmations,
        "by": standing.by,
        "outputs": proven.outputs().map(output).collect::<Vec<_>>(),
        "output": receipt.output,
        "memo_hex": hex(&proven.transaction.transaction.memo),
        "file": file.map(|path| path.display().to_string()),
        "sha256": receipt.file.as_ref().map(|file| file.sha256.clone()),
    })
}

fn text(context: &Context, facts: &Value) -> String {
    let time = units::utc(output::number(facts, "time"));
    let clocks = |who: &Value| {
        let numbers: Vec<String> = output::items(who).iter().map(Value::to_string).collect();
        format!("the median of the clocks of authorities {}", numbers.join(", "))
    };
    let whose = match facts["clock"].as_str() {
        Some("beginning") => "the chain's beginning".to_owned(),
        Some("authorities") => clocks(&facts["clocks"]),
        _ => "the clock of the block's miner".to_owned(),
    };
    let final_by =
        facts["final_time"].as_u64().map(|time| format!("{}, by {}", units::utc(time), clocks(&facts["signers"])));
    let depth = units::count(output::number(facts, "confirmations"), "block");
    let standing = match facts["final"] == true {
        true => "final: nothing undoes it".to_owned(),
        false => format!("{depth} deep"),
    };
    let paid = |output: &Value| format!("{} to {}", context.amount(output, "amount"), output::text(output, "address"));
    let outputs = match facts["output"].is_null() {
        true => output::items(&facts["outputs"]).iter().map(paid).collect::<Vec<_>>().join(", "),
        false => paid(&facts["output"]),
    };
    let is_file = !facts["sha256"].is_null();
    let rows = [
        ("file", output::text(facts, "file")),
        ("sha256", output::text(facts, "sha256")),
        ("there by", format!("{time}, by {whose}")),
        ("final by", final_by.unwrap_or_default()),
        ("block", format!("{}  {}", output::number(facts, "height"), output::text(facts, "block"))),
        ("standing", format!("{standing}; {}", output::text(facts, "by"))),
        ("tx", output::text(facts, "txid")),
        ("pays", if is_file { String::new() } else { outputs }),
    ];
    output::facts(&rows)
}
