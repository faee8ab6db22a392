//! `tx`: shows a transaction; makes, signs and submits one on hosts that need no network between them.

use std::{
    fs::File,
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    payees::{PayeeFlags, listed_coins},
    payer::{FeeFlags, tell_of_dust},
    payment_file::{self, MAX_TEXT_BYTES},
    submit,
};
use crate::{
    base::hash::hex,
    chain::{
        address::Address,
        memo, rules,
        transaction::{Output, Transaction},
    },
    cli::{
        context::Context,
        exit::{Exit, Failure, Outcome},
        inspect,
        output::{self, Rows},
        passphrase::PassphraseFlags,
        units,
    },
    rpc::client::Deadline,
    wallet::{
        building::{Fee, Plan, Spend},
        keys::Keys,
        offline::{Offline, Unsigned},
    },
};

/// `tussock tx`
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
make, sign and submit are for keys on a host without a network: one host that
has a node makes, another signs, the first one submits. What goes between them
is text of one line or a few, which a file, a message or a QR code carries.

Examples:
  tussock tx 5f2a91c0 --json
  tussock tx make shop 5000 --from savings > payment
  tussock tx sign payment > signed
  tussock tx submit signed"
)]
pub struct TxArgs {
    /// The transaction's id, or its first digits (at least 6)
    #[arg(value_name = "ID", required = true)]
    id: Option<String>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Make a payment for somebody else to sign
    #[command(
        allow_negative_numbers = true,
        after_help = "\
The node chooses among the coins; the secret is not needed here. It knows only
of payments that were submitted: make the next one after that, or it may spend
the same coins.

Examples:
  tussock tx make shop 5000 --from savings > payment
  tussock tx make --to a=5 --to b=7 --from ltus1… --file payment"
    )]
    Make(Box<MakeArgs>),
    /// Sign a payment; needs no node
    #[command(after_help = "\
It shows what is to be paid, by whom, to whom and for which fee, and asks.
Amounts of coins are signed too: the ledger refuses a payment that lies there.

Examples:
  tussock tx sign payment > signed
  tussock tx sign payment --yes --file signed")]
    Sign(SignArgs),
    /// Hand a signed payment to the node; prints its id
    #[command(after_help = "\
A payment that spends coins of one that waits takes its place: two payments that
were made before one of them was submitted may spend the same coins. Its id is
printed again if it is in the mempool or a block already.

Examples:
  tussock tx submit signed
  tussock tx submit - < signed")]
    Submit(SubmitArgs),
    /// Show what a payment says; needs no node
    #[command(after_help = "Examples:\n  tussock tx decode payment\n  tussock tx decode signed --json")]
    Decode(InputArgs),
    /// Ask the node whether it would take a signed payment; exit code 5 if not
    #[command(after_help = "Example:\n  tussock tx test signed")]
    Test(TestArgs),
}

#[derive(Args, Debug)]
struct MakeArgs {
    #[command(flatten)]
    payees: PayeeFlags,
    /// Who pays: an address, or the name of a key
    #[arg(long, value_name = "PAYER")]
    from: String,
    #[command(flatten)]
    fee: FeeFlags,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Args, Debug)]
struct SignArgs {
    #[command(flatten)]
    input: InputArgs,
    /// Sign without asking
    #[arg(long)]
    yes: bool,
    /// Accept a fee above 1,000 times the usual one
    #[arg(long)]
    allow_high_fee: bool,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseFlags,
}

#[derive(Args, Debug)]
struct InputArgs {
    /// A file with what `tx make` or `tx sign` wrote, or with a signed transaction in hex; `-` is standard input
    #[arg(value_name = "FILE")]
    payment: PathBuf,
}

#[derive(Args, Debug)]
struct SubmitArgs {
    #[command(flatten)]
    input: InputArgs,
    /// Let it take the place of payments that wait and spend the same coins
    #[arg(long)]
    replace: bool,
    /// Accept a fee above 1,000 times the usual one
    #[arg(long)]
    allow_high_fee: bool,
}

#[derive(Args, Debug)]
struct TestArgs {
    #[command(flatten)]
    input: InputArgs,
    /// Accept a fee above 1,000 times the usual one
    #[arg(long)]
    allow_high_fee: bool,
}

/// Runs `tx`.
pub fn run(context: &Context, arguments: &TxArgs) -> Outcome {
    match &arguments.verb {
        None => inspect::tx(context, arguments.id.as_deref().unwrap_or_default()),
        Some(Verb::Make(arguments)) => make(context, arguments),
        Some(Verb::Sign(arguments)) => sign(context, arguments),
        Some(Verb::Submit(SubmitArgs { input, replace, allow_high_fee })) => {
            submit::submit(context, &signed_hex(context, input)?, *replace, *allow_high_fee)
        }
        Some(Verb::Decode(arguments)) => {
            let facts = facts(context, &read(context, arguments)?, &[])?;
            context.print(&facts, |facts| show(context, facts))
        }
        Some(Verb::Test(TestArgs { input, allow_high_fee })) => {
            submit::test(context, &signed_hex(context, input)?, *allow_high_fee)
        }
    }
}

fn make(context: &Context, arguments: &MakeArgs) -> Outcome {
    let keys = Keys::new(&context.folder(), context.spec());
    let owner = keys.address(&arguments.from)?;
    let mut plan = arguments.payees.plan(context, arguments.fee.fee(context)?)?;
    plan.rest.get_or_insert(owner);
    plan.check()?;
    let remote = context.remote()?.until(Deadline::after(crate::rpc::client::RPC_CALL));
    let estimate = output::number(&remote.call("estimatesmartfee", json!([1]))?, "feerate");
    if let Fee::Estimate(rate) = &mut plan.fee {
        *rate = estimate;
    }
    // Whose key signs is known by the address; the key itself is filled in by the signer.
    let mut coins: Vec<_> =
        listed_coins(context, &remote, &owner)?.iter().filter_map(|coin| coin.of([0; 32])).collect();
    if let Plan { spend: Spend::All, .. } = plan {
        tell_of_dust(context.spec(), &plan, &coins);
        coins.retain(|coin| plan.is_worth_spending(context.spec(), coin));
        let most = plan.most_inputs();
        if let Some(left @ 1..) = coins.len().checked_sub(most) {
            let left = units::count(left as u64, "coin");
            output::note(&format!(
                "{left} more do not fit into one payment; make another one when this one is in a block"
            ));
        }
        coins.truncate(most);
    }
    let draft = plan.build(context.spec(), coins)?;
    if !arguments.fee.allow_high_fee {
        draft.check_fee(context.spec(), estimate)?;
    }
    let made = Offline::Unsigned(Unsigned::of(&draft.transaction, owner));
    write(context, &made, &[owner], arguments.file.as_deref())
}

fn sign(context: &Context, arguments: &SignArgs) -> Outcome {
    let Offline::Unsigned(unsigned) = read(context, &arguments.input)? else {
        return Err(Failure::usage("it is signed already; hand it to a node with: tussock tx submit FILE"));
    };
    let keys = Keys::new(&context.folder(), context.spec());
    let mut names: Vec<String> = Vec::new();
    for owner in unsigned.inputs.iter().map(|input| input.owner) {
        let Some(name) = keys.name_of(&owner)? else {
            let problem = format!("no key here owns the coins of {}", context.show(&owner));
            return Err(Failure::new(Exit::NotFound, format!("{problem}; sign it where that key is")));
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let own: Vec<Address> = names.iter().map(|name| keys.address(name)).collect::<Result<_, _>>()?;
    let about = facts(context, &Offline::Unsigned(unsigned.clone()), &own)?;
    output::note(&show(context, &about));
    if !arguments.allow_high_fee {
        unsigned.check_fee(context.spec())?;
    }
    if !arguments.yes && !is_agreed(&arguments.input.payment)? {
        return Err(Failure::new(Exit::Rejected, "not signed"));
    }
    let secrets =
        names.iter().map(|name| arguments.passphrase.unlock(&keys.find(name)?)).collect::<Outcome<Vec<_>>>()?;
    let signed = Offline::Signed(unsigned.sign(context.spec(), &secrets)?);
    write(context, &signed, &own, arguments.file.as_deref())
}

/// Asks on the terminal.
fn is_agreed(payment: &Path) -> Outcome<bool> {
    if payment == Path::new("-") || !io::stdin().is_terminal() {
        return Err(Failure::usage("there is nobody to ask whether to sign this; look at it, then add --yes"));
    }
    let failed = |error: io::Error| Failure::new(Exit::Io, format!("cannot ask: {error}; add --yes"));
    io::stderr().write_all(b"sign this? [y/N] ").map_err(failed)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Prints a payment or writes it to a file: as the text alone, or with what it says.
fn write(context: &Context, payment: &Offline, own: &[Address], file: Option<&Path>) -> Outcome {
    let text = payment.to_text(context.spec());
    if let Some(path) = file {
        payment_file::write(context, path, &format!("{text}\n"))?;
        if !context.json {
            output::hint(&format!("it is in {}", path.display()));
            return Ok(());
        }
    }
    let mut facts = facts(context, payment, own)?;
    facts["text"] = json!(text);
    context.print(&facts, |_| text)
}

fn read(context: &Context, arguments: &InputArgs) -> Outcome<Offline> {
    let (path, mut text) = (&arguments.payment, String::new());
    let read = match path == Path::new("-") {
        true => io::stdin().lock().take(MAX_TEXT_BYTES).read_to_string(&mut text),
        false => File::open(path).and_then(|file| file.take(MAX_TEXT_BYTES).read_to_string(&mut text)),
    };
    read.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => Failure::usage(format!("{}: not a payment", path.display())),
        _ => Failure::input(path, &error),
    })?;
    payment_file::parse(context, &text).map_err(|failure| {
        let message = format!("{}: {}", path.display(), failure.message);
        Failure { message, ..failure }
    })
}

fn signed_hex(context: &Context, arguments: &InputArgs) -> Outcome<String> {
    match read(context, arguments)? {
        Offline::Signed(transaction) => Ok(hex(&transaction.to_bytes())),
        Offline::Unsigned(_) => Err(Failure::usage("nobody has signed it yet: tussock tx sign FILE")),
    }
}

/// What a payment says. `own`: addresses of the signer, whose outputs are marked.
fn facts(context: &Context, payment: &Offline, own: &[Address]) -> Outcome<Value> {
    let input = |outpoint: &crate::chain::transaction::OutPoint, amount: u64, owner: &Address| json!({ "txid": outpoint.txid, "index": outpoint.index, "amount": amount, "address": context.show(owner) });
    let (inputs, outputs, memo, fee): (Vec<Value>, &[Output], &[u8], u64) = match payment {
        Offline::Unsigned(unsigned) => {
            let inputs = unsigned.inputs.iter().map(|one| input(&one.outpoint, one.amount, &one.owner));
            (inputs.collect(), &unsigned.outputs, &unsigned.memo, unsigned.fee()?)
        }
        Offline::Signed(transaction) => {
            let inputs = transaction.inputs.iter();
            let inputs = inputs.map(|one| input(&one.outpoint, one.amount, &Address::of(&one.public_key)));
            let fee = rules::fee(transaction).map_err(|fault| Failure::usage(fault.to_string()))?;
            (inputs.collect(), &transaction.outputs, &transaction.memo, fee)
        }
    };
    let known = Keys::new(&context.folder(), context.spec()).known();
    let outputs = outputs.iter().map(|output| {
        let mut facts = json!({
            "amount": output.amount, "address": context.show(&output.address), "own": own.contains(&output.address),
        });
        if let Some(name) = known.get(&output.address) {
            facts["name"] = json!(name);
        }
        facts
    });
    let mut facts = json!({
        "signed": matches!(payment, Offline::Signed(_)), "chain": context.spec().name, "inputs": inputs,
        "outputs": outputs.collect::<Vec<_>>(), "fee": fee, "memo": memo::text(memo).map_or_else(|| hex(memo), str::to_owned), "memo_hex": hex(memo),
    });
    if let Offline::Signed(transaction) = payment {
        facts["id"] = json!(transaction.txid());
        facts["hex"] = json!(hex(&transaction.to_bytes()));
        facts["valid_signatures"] = json!(has_valid_signatures(context, transaction));
    }
    Ok(facts)
}

fn has_valid_signatures(context: &Context, transaction: &Transaction) -> bool {
    let genesis = context.spec().genesis_hash();
    let all = crate::chain::key::claims(transaction, &transaction.txid(), &genesis).all(|claim| claim.holds());
    all && !transaction.inputs.is_empty()
}

fn show(context: &Context, facts: &Value) -> String {
    let sum = |list: &str| -> u64 { output::items(&facts[list]).iter().map(|one| output::number(one, "amount")).sum() };
    let unit = &context.spec().unit;
    let state = match (facts["signed"].as_bool(), facts["valid_signatures"].as_bool()) {
        (Some(true), Some(true)) => "signed",
        (Some(true), _) => "signed, but a signature does not hold on this chain",
        _ => "not signed",
    };
    let rows = [
        ("chain", output::text(facts, "chain")),
        ("state", state.to_owned()),
        ("id", output::text(facts, "id")),
        ("in", units::amount(unit, sum("inputs"))),
        ("out", units::amount(unit, sum("outputs"))),
        ("fee", units::amount(unit, output::number(facts, "fee"))),
        // Indented, so that no line of a memo looks like a fact.
        ("memo", output::text(facts, "memo").replace('\n', "\n       ")),
    ];
    let mut text = output::facts(&rows);
    for (title, list) in [("from", "inputs"), ("to", "outputs")] {
        let mut rows = Rows::new(&[&format!("~{title}"), ">amount", ""]);
        for one in output::items(&facts[list]) {
            let mark = match (one["own"] == true, one["name"].as_str()) {
                (true, _) => "back to the signer".to_owned(),
                (false, name) => name.unwrap_or_default().to_owned(),
            };
            rows.row([output::text(one, "address"), units::amount(unit, output::number(one, "amount")), mark]);
        }
        text.push_str(&format!("\n\n{}", rows.text("nobody")));
    }
    text
}
