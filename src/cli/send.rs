//! `send`: chooses coins, signs, submits the transaction to the node, and waits for confirmations if asked.

use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    context::Context,
    control::tx_condition,
    exit::{Exit, Failure, Outcome},
    keys::{Keys, PassphraseFlags},
    output,
    remote::Remote,
    units,
};
use crate::{
    base::{
        codec::List,
        hash::{Hash, hex},
        limits::{MAX_INPUTS, MAX_MEMO_BYTES, MAX_TRANSACTION_BYTES},
    },
    chain::{
        address::Address,
        key::SecretKey,
        spec::ChainSpec,
        transaction::{Input, OutPoint, Output, TRANSACTION_VERSION, Transaction},
    },
    rpc::client::Deadline,
};

/// The least fee rate without `--fee`, in base units per 1,000 bytes. The chain's minimum or the node's estimate counts
/// if it is higher.
const DEFAULT_FEE_RATE: u64 = 1000;

/// `tussock send`
#[derive(Args, Debug)]
#[command(
    allow_negative_numbers = true,
    after_help = "\
Amounts are whole base units. The default fee is 1 base unit per byte, or more
if the chain's minimum is higher or the mempool fills the next block.

Examples:
  tussock send dev1 250000
  tussock send dev1 250000 --from dev0 --memo 'for lunch' --wait"
)]
pub struct SendArgs {
    /// The payee: an address, or the name of a key
    #[arg(value_name = "TO")]
    to: String,
    /// Base units
    #[arg(value_name = "AMOUNT", value_parser = units::parse_payment)]
    amount: u64,
    /// The paying key [default: the only key; on test chains without keys dev0]
    #[arg(long, value_name = "KEY")]
    from: Option<String>,
    /// The fee for the miner, in base units
    #[arg(long, value_name = "F", value_parser = units::parse_amount)]
    fee: Option<u64>,
    /// A public text of at most 512 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    memo: String,
    /// Wait for N confirmations
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    wait: Option<u32>,
    /// How long to wait: seconds, or a number with ms, s, m or h
    #[arg(long, value_name = "S", default_value = "120", value_parser = units::parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    passphrase: PassphraseFlags,
}

/// A coin, from the node's list.
#[derive(Clone, Debug, Deserialize)]
struct OwnCoin {
    txid: Hash,
    index: u32,
    amount: u64,
    spendable: bool,
}

/// A signed payment.
#[derive(Debug)]
struct Payment {
    transaction: Transaction,
    fee: u64,
    change: u64,
}

/// Runs the command.
pub fn run(context: &Context, arguments: &SendArgs) -> Outcome {
    if arguments.memo.len() > MAX_MEMO_BYTES {
        let length = arguments.memo.len();
        return Err(Failure::usage(format!("the memo has {length} bytes; at most {MAX_MEMO_BYTES} fit")));
    }
    let folder = context.folder();
    let keys = Keys::new(&folder, context.spec());
    let to = keys.address(&arguments.to)?;
    let name = match &arguments.from {
        Some(name) => name.clone(),
        None => default_key(&keys, context.spec().test)?,
    };
    let named = keys.find(&name)?;
    let remote = context.remote()?;
    let key = named.unlock(&arguments.passphrase)?;
    let owner = context.show(&key.address());
    let coins = remote.call("coins", json!([owner]))?;
    let coins: Vec<OwnCoin> = serde_json::from_value(coins)
        .map_err(|error| Failure::new(Exit::Internal, format!("the node's list of coins cannot be read: {error}")))?;
    let rate = match arguments.fee {
        Some(_) => 0,
        None => output::number(&remote.call("estimatesmartfee", json!([1]))?, "feerate"),
    };
    let request =
        PaymentRequest { to, amount: arguments.amount, fee: arguments.fee, rate, memo: arguments.memo.as_bytes() };
    let payment = match pay(context.spec(), &key, coins, &request) {
        Err(failure) if failure.exit == Exit::Rejected => return Err(explain(&remote, &owner, failure)),
        result => result?,
    };
    let sent = remote.call("sendrawtransaction", json!([hex(&payment.transaction.to_bytes())]))?;
    let txid = sent.as_str().map_or_else(|| payment.transaction.txid().to_string(), str::to_owned);
    report(context, arguments, &remote, &txid, &payment)
}

/// Prints the id at once, then waits if asked.
fn report(context: &Context, arguments: &SendArgs, remote: &Remote, txid: &str, payment: &Payment) -> Outcome {
    let mut facts = json!({
        "id": txid, "txid": txid, "amount": arguments.amount, "fee": payment.fee, "change": payment.change, "status": "mempool",
    });
    if !context.json {
        output::line(txid)?;
    }
    let Some(confirmations) = arguments.wait else {
        return if context.json { output::json(&facts) } else { Ok(()) };
    };
    if context.json {
        output::note(&format!("sent {txid}"));
    }
    let (condition, _) = tx_condition(txid, confirmations);
    let answer = remote.wait(&condition, Deadline::after(arguments.timeout))?;
    let tx = remote.call("tx", json!([txid])).unwrap_or(Value::Null);
    for key in ["status", "height", "confirmations", "block"] {
        facts[key] = tx[key].clone();
    }
    if context.json {
        output::json(&facts)?;
    }
    match answer {
        Ok(_) if confirmations == 0 => Ok(()),
        Ok(_) => {
            let (height, depth) = (output::text(&tx, "height"), output::text(&tx, "confirmations"));
            output::note(&format!("included height={height} confirmations={depth}"));
            Ok(())
        }
        Err(_) => {
            let state = match output::text(&tx, "status").as_str() {
                "mempool" => "it is still in the mempool",
                "confirmed" => "it is in a block, with fewer confirmations",
                _ => "it is no longer in the mempool: evicted, replaced or expired",
            };
            let many = if confirmations > 1 { format!(" {confirmations} times") } else { String::new() };
            Err(Failure::new(Exit::TimedOut, format!("not confirmed{many} in time: {txid}; {state}")))
        }
    }
}

/// The only key; on test chains `dev0` if there is none.
fn default_key(keys: &Keys<'_>, test: bool) -> Outcome<String> {
    let mut names = keys.names()?;
    match (names.len(), test) {
        (1, _) => Ok(names.remove(0)),
        (0, true) => Ok("dev0".to_owned()),
        (0, false) => Err(Failure::usage("there is no key to pay with; make one with: tussock key new NAME")),
        _ => Err(Failure::usage(format!("several keys could pay: {}; choose one with --from", names.join(", ")))),
    }
}

/// A payment to make.
struct PaymentRequest<'a> {
    to: Address,
    amount: u64,
    fee: Option<u64>,
    /// The node's estimate, base units per 1,000 bytes.
    rate: u64,
    memo: &'a [u8],
}

/// Makes and signs the transaction. It spends the largest coins first, so that it stays small; change returns to the
/// payer.
fn pay(spec: &ChainSpec, key: &SecretKey, mut coins: Vec<OwnCoin>, request: &PaymentRequest<'_>) -> Outcome<Payment> {
    coins.retain(|coin| coin.spendable);
    coins.sort_unstable_by(|a, b| b.amount.cmp(&a.amount).then(a.txid.cmp(&b.txid)).then(a.index.cmp(&b.index)));
    let all: u128 = coins.iter().map(|coin| u128::from(coin.amount)).sum();
    let (mut inputs, mut sum) = (Vec::new(), 0u64);
    loop {
        let fee = request.fee.unwrap_or_else(|| default_fee(spec, inputs.len().max(1), request));
        let Some(needed) = request.amount.checked_add(fee) else {
            return Err(Failure::usage("amount and fee are larger than all money"));
        };
        if sum >= needed && !inputs.is_empty() {
            return sign(spec, key, &inputs, request, fee, sum - needed);
        }
        if inputs.len() == MAX_INPUTS && all >= u128::from(needed) {
            let problem = format!("the payment needs more than {MAX_INPUTS} coins, which hold {sum} together");
            return Err(Failure::new(
                Exit::Rejected,
                format!("{problem}; merge them by paying less to yourself first"),
            ));
        }
        let Some(coin) = coins.get(inputs.len()).filter(|_| inputs.len() < MAX_INPUTS) else {
            return Err(Failure::new(
                Exit::Rejected,
                format!("the payment needs {}, but {} are spendable now", units::grouped(needed), grouped(all)),
            ));
        };
        inputs.push(OutPoint { txid: coin.txid, index: coin.index });
        sum = sum.saturating_add(coin.amount);
    }
}

/// Sums of coins stay below 2^62.
fn grouped(amount: u128) -> String {
    units::grouped(u64::try_from(amount).unwrap_or(u64::MAX))
}

/// The fee of a transaction with two outputs, change included: rate times size, rounded up.
fn default_fee(spec: &ChainSpec, inputs: usize, request: &PaymentRequest<'_>) -> u64 {
    const FIXED: usize = 4 + 4 + 4 + 2 * 28 + 4;
    const INPUT: usize = 36 + 32 + 64;
    let bytes = u64::try_from(FIXED + inputs * INPUT + request.memo.len()).unwrap_or(u64::MAX);
    bytes.saturating_mul(spec.min_fee_rate.max(DEFAULT_FEE_RATE).max(request.rate)).div_ceil(1000)
}

fn sign(
    spec: &ChainSpec,
    key: &SecretKey,
    inputs: &[OutPoint],
    request: &PaymentRequest<'_>,
    fee: u64,
    change: u64,
) -> Outcome<Payment> {
    let public_key = key.public_key();
    let input = |outpoint: &OutPoint| Input { outpoint: *outpoint, public_key, signature: [0; 64] };
    let mut outputs = vec![Output { amount: request.amount, address: request.to }];
    if change > 0 {
        outputs.push(Output { amount: change, address: key.address() });
    }
    let mut transaction = Transaction {
        version: TRANSACTION_VERSION,
        inputs: List::truncated(inputs.iter().map(input)),
        outputs: List::truncated(outputs),
        memo: List::truncated(request.memo.iter().copied()),
    };
    key.sign_transaction(&mut transaction, &spec.genesis_hash());
    debug_assert!(transaction.to_bytes().len() <= MAX_TRANSACTION_BYTES, "64 inputs and a memo fit");
    Ok(Payment { transaction, fee, change })
}

/// Adds the payer's coins that cannot be spent yet to the message.
fn explain(remote: &Remote, owner: &str, failure: Failure) -> Failure {
    let Ok(balance) = remote.call("balance", json!([owner])) else { return failure };
    let [immature, pending] = ["immature", "pending"].map(|key| units::grouped(output::number(&balance, key)));
    let message = format!("{}: {owner} also has {immature} immature and {pending} pending", failure.message);
    Failure { message, ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{block::HashedTransaction, rules};

    fn coin(n: u8, amount: u64, spendable: bool) -> OwnCoin {
        OwnCoin { txid: Hash([n; 32]), index: u32::from(n), amount, spendable }
    }

    fn try_pay(coins: Vec<OwnCoin>, amount: u64, fee: Option<u64>) -> Outcome<Payment> {
        let request = PaymentRequest { to: Address([1; 20]), amount, fee, rate: 0, memo: b"hi" };
        pay(&ChainSpec::local(), &SecretKey::well_known(0), coins, &request)
    }

    #[test]
    fn the_largest_spendable_coins_pay_and_change_comes_back() {
        let coins = vec![coin(1, 500, true), coin(2, 9000, false), coin(3, 700, true), coin(4, 100, true)];
        let payment = try_pay(coins, 1000, Some(50)).unwrap();
        let inputs: Vec<u32> = payment.transaction.inputs.iter().map(|input| input.outpoint.index).collect();
        assert_eq!((inputs, payment.change, payment.fee), (vec![3, 1], 150, 50));
        let outputs: Vec<u64> = payment.transaction.outputs.iter().map(|output| output.amount).collect();
        assert_eq!(outputs, [1000, 150]);
        rules::check_transaction(&HashedTransaction::new(payment.transaction), false).unwrap();
    }

    #[test]
    fn an_exact_payment_has_no_change_and_the_default_fee_is_the_size() {
        let payment = try_pay(vec![coin(1, 1000, true)], 950, Some(50)).unwrap();
        assert_eq!((payment.change, payment.transaction.outputs.len()), (0, 1));
        let payment = try_pay(vec![coin(1, 100_000, true)], 5, None).unwrap();
        assert_eq!(payment.fee, payment.transaction.to_bytes().len() as u64);
    }

    #[test]
    fn a_payment_that_cannot_be_made_says_why() {
        let poor = try_pay(vec![coin(1, 500, true), coin(2, 900, false)], 600, Some(0)).unwrap_err();
        assert_eq!(poor.exit, Exit::Rejected);
        assert!(poor.message.contains("600") && poor.message.contains("500"), "{poor:?}");
        let dust: Vec<OwnCoin> = (0..100).map(|n| coin(n, 10, true)).collect();
        let many = try_pay(dust, 800, Some(0)).unwrap_err();
        assert!(many.message.contains("64 coins"), "{many:?}");
        assert_eq!(try_pay(vec![coin(1, 5, true)], u64::MAX, Some(1)).unwrap_err().exit, Exit::Usage);
    }
}
