//! Who pays: a key, its coins, and the node that takes the payment.

use std::{collections::BTreeSet, time::Duration};

use clap::Args;
use serde_json::json;

use crate::{
    base::{hash::hex, limits::ISOLATED_AFTER},
    chain::{key::SecretKey, spec::ChainSpec},
    cli::{
        context::Context,
        exit::{Exit, Failure, Outcome},
        output,
        passphrase::PassphraseFlags,
        remote::Remote,
        units::{self, WrittenAmount},
    },
    node::{Refusal, SyncState},
    rpc::client::Deadline,
    wallet::{
        building::{Draft, Fee, Plan, Spend},
        coins::{ListedCoin, OwnCoin},
        error::WalletError,
        keys::{Keys, SpendingLock},
    },
};

/// Longest wait for a block before a payment that builds on too many others is tried again.
const CHAIN_PAUSE: Duration = Duration::from_secs(2);
/// A key of test chains that everybody knows, and that pays where there is no other.
const FUNDED_KEY: &str = "dev0";
/// Pause between two attempts to be the one who chooses coins of a key. Another payment takes some milliseconds.
const SPENDING_PAUSE: Duration = Duration::from_millis(10);
/// Pause before other coins are chosen after a conflict.
const CONFLICT_PAUSE: Duration = Duration::from_millis(50);
/// How long a node may not be synced yet: without peers it is isolated after [`ISOLATED_AFTER`], or goes on by itself; a few
/// seconds more for the blocks that it missed.
const SYNC_PATIENCE: Duration = ISOLATED_AFTER.saturating_add(Duration::from_secs(5));
/// Pause before a node is asked again that is not synced yet.
const SYNC_PAUSE: Duration = Duration::from_millis(100);
/// Coins that a node lists at most.
pub(super) const LISTED_COINS: u64 = 10_000;

/// What a payment costs.
#[derive(Args, Debug)]
pub(super) struct FeeFlags {
    /// The fee for the miner, in the same unit
    #[arg(long, value_name = "F", value_parser = units::parse_written)]
    fee: Option<WrittenAmount>,
    /// The fee as a rate: base units per 1,000 bytes
    #[arg(long, value_name = "R", value_parser = units::parse_amount, conflicts_with = "fee")]
    fee_rate: Option<u64>,
    /// Accept a fee above 1,000 times the usual one and above the amount
    #[arg(long)]
    pub(super) allow_high_fee: bool,
}

impl FeeFlags {
    /// The fee that they ask for.
    pub(super) fn fee(&self, context: &Context) -> Outcome<Fee> {
        match (&self.fee, self.fee_rate) {
            (Some(fee), _) => fee.base_units(&context.spec().unit).map(Fee::Exactly).map_err(Failure::usage),
            (None, Some(rate)) => Ok(Fee::Rate(rate)),
            (None, None) => Ok(Fee::Estimate(0)),
        }
    }
}

/// A key that pays.
pub(in crate::cli) struct Payer<'a> {
    context: &'a Context,
    keys: Keys<'a>,
    name: String,
    /// Nobody chose it.
    is_only_key: bool,
    secrets: Vec<SecretKey>,
    pub(super) remote: Remote,
    pub(super) deadline: Deadline,
}

/// Says which coins stay where they are since they cost more than they are worth.
pub(super) fn tell_of_dust(spec: &ChainSpec, plan: &Plan, coins: &[OwnCoin]) {
    let dust = coins.iter().filter(|coin| !plan.is_worth_spending(spec, coin));
    let (count, amount) = dust.fold((0, 0u64), |(count, sum), coin| (count + 1, sum.saturating_add(coin.amount)));
    if count > 0 {
        let (coins, amount) = (units::count(count, "coin"), units::amount(&spec.unit, amount));
        output::note(&format!("not worth the fee of spending them: {coins} of {amount} together, which stay"));
    }
}

/// A payment that the node has.
pub(in crate::cli) struct Sent {
    pub(in crate::cli) txid: String,
    pub(super) draft: Draft,
}

impl<'a> Payer<'a> {
    /// Finds the key, and the node. All that is done with it ends at the deadline.
    pub(in crate::cli) fn new(
        context: &'a Context,
        name: Option<&str>,
        passphrase: &PassphraseFlags,
        deadline: Deadline,
    ) -> Outcome<Self> {
        let keys = Keys::new(&context.folder(), context.spec());
        let chosen = match name {
            Some(name) => keys.key_name(name)?,
            None => default_key(&keys, context.spec())?,
        };
        let is_only_key = name.is_none() && chosen != FUNDED_KEY;
        Ok(Self { is_only_key, ..Self::of(context, chosen, passphrase, deadline)? })
    }

    /// The same with the key of this name, which is one of [`Keys::names`].
    pub(super) fn of(
        context: &'a Context,
        name: String,
        passphrase: &PassphraseFlags,
        deadline: Deadline,
    ) -> Outcome<Self> {
        let keys = Keys::new(&context.folder(), context.spec());
        let named = keys.find(&name)?;
        let remote = Remote::find_by(&context.settings, deadline)?.until(deadline);
        let secrets = vec![passphrase.unlock(&named)?];
        Ok(Self { context, keys, name, is_only_key: false, secrets, remote, deadline })
    }

    /// Makes a payment and hands it to the node, again with other coins if somebody was faster.
    pub(in crate::cli) fn submit(&self, plan: Plan, allow_high_fee: bool) -> Outcome<Sent> {
        let build = |plan: &Plan| self.build(plan);
        self.submit_from(plan, allow_high_fee, &build)
    }

    /// Makes as many payments as it takes to spend all coins that are worth more than it costs to spend them. Tells of each
    /// once the node has it.
    pub(super) fn submit_all(
        &self,
        plan: &Plan,
        allow_high_fee: bool,
        tell: &dyn Fn(&Sent) -> Outcome,
    ) -> Outcome<Vec<Sent>> {
        let (fee, _) = self.estimate(plan.fee)?;
        let plan = Plan { spend: Spend::All, fee, ..plan.clone() };
        let spec = self.context.spec();
        let most = plan.most_inputs();
        let mut sent: Vec<Sent> = Vec::new();
        tell_of_dust(spec, &plan, &self.coins(Some(LISTED_COINS))?);
        loop {
            let spent = |coin: &OwnCoin| {
                let mut inputs = sent.iter().flat_map(|sent| sent.draft.transaction.inputs.iter());
                inputs.any(|input| input.outpoint == coin.outpoint)
            };
            // A payment to the payer's own key makes another coin, which is not paid once more.
            let made = |coin: &OwnCoin| sent.iter().any(|sent| sent.draft.transaction.txid() == coin.outpoint.txid);
            let listed = || -> Outcome<Vec<OwnCoin>> {
                let mut coins = self.coins(Some(LISTED_COINS))?;
                coins.retain(|coin| !spent(coin) && !made(coin) && plan.is_worth_spending(spec, coin));
                coins.truncate(most);
                Ok(coins)
            };
            if !sent.is_empty() && listed().map_err(|failure| after(&sent, failure))?.is_empty() {
                return Ok(sent);
            }
            match self.submit_from(plan.clone(), allow_high_fee, &|plan| self.build_from(plan, listed()?)) {
                Ok(one) => {
                    tell(&one)?;
                    sent.push(one);
                }
                Err(failure) => return Err(after(&sent, failure)),
            }
        }
    }

    /// From coins of blocks, as long as they suffice: what waits in the mempool may build on as many others as one can.
    fn build(&self, plan: &Plan) -> Outcome<Draft> {
        match plan.build(self.context.spec(), self.confirmed_coins()?) {
            Err(WalletError::Insufficient { .. } | WalletError::TooManyCoins { .. }) => {
                self.build_from(plan, self.coins(None)?)
            }
            built => Ok(built?),
        }
    }

    /// From these coins.
    pub(super) fn build_from(&self, plan: &Plan, coins: Vec<OwnCoin>) -> Outcome<Draft> {
        plan.build(self.context.spec(), coins).map_err(|error| self.explain(error))
    }

    /// Makes a payment as `build` does from the coins that there are, and hands it to the node.
    pub(super) fn submit_from(
        &self,
        mut plan: Plan,
        allow_high_fee: bool,
        build: &dyn Fn(&Plan) -> Outcome<Draft>,
    ) -> Outcome<Sent> {
        let (deadline, remote, spec) = (self.deadline, &self.remote, self.context.spec());
        let patience = Deadline::after(deadline.left().min(SYNC_PATIENCE));
        let mut estimate;
        loop {
            // Until the node has the payment, no other process may choose coins of this key.
            let lock = self.lock_spending()?;
            (plan.fee, estimate) = self.estimate(plan.fee)?;
            let draft = build(&plan)?.sign(spec, &self.secrets);
            if !allow_high_fee {
                draft.check_fee(spec, estimate)?;
            }
            // No other payment leaves for it, whoever came first.
            match remote.call("sendrawtransaction", json!([hex(&draft.transaction.to_bytes()), 0, false])) {
                Err(failure) if is_passing(&failure) && patience.pause(SYNC_PAUSE) => drop(lock),
                Err(failure) if may_succeed_later(&failure) && deadline.pause(CONFLICT_PAUSE) => drop(lock),
                Err(failure) if reason(&failure) == Refusal::LONG_CHAIN => {
                    drop(lock);
                    await_block(remote, deadline, failure)?;
                }
                sent => {
                    let sent = sent?;
                    let txid = sent.as_str().map_or_else(|| draft.transaction.txid().to_string(), str::to_owned);
                    return Ok(Sent { txid, draft });
                }
            }
        }
    }

    /// The fee with the node's estimate, if it is to be estimated; and the estimate.
    pub(super) fn estimate(&self, fee: Fee) -> Outcome<(Fee, u64)> {
        let Fee::Estimate(_) = fee else { return Ok((fee, 0)) };
        let rate = output::number(&self.remote.call("estimatesmartfee", json!([1]))?, "feerate");
        Ok((Fee::Estimate(rate), rate))
    }

    /// The key's secret, or all of them.
    pub(super) fn secrets(&self) -> &[SecretKey] {
        &self.secrets
    }

    /// Does something while no other process of this host chooses coins of the key.
    pub(super) fn holding_coins<T>(&self, act: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        let _lock = self.lock_spending()?;
        act()
    }

    /// Waits for the right to choose coins of the key.
    fn lock_spending(&self) -> Outcome<SpendingLock> {
        loop {
            if let Some(lock) = self.keys.try_lock_spending(&self.name) {
                return Ok(lock);
            }
            if !self.deadline.pause(SPENDING_PAUSE) {
                let problem = format!("other payments of key \"{}\" took all the time; try again", self.name);
                return Err(Failure::new(Exit::TimedOut, problem));
            }
        }
    }

    /// The coins that the node lists as spendable now, the largest first; at most so many of an address.
    pub(super) fn coins(&self, limit: Option<u64>) -> Outcome<Vec<OwnCoin>> {
        self.listed(limit, |_| true)
    }

    /// Those of them that blocks have.
    pub(super) fn confirmed_coins(&self) -> Outcome<Vec<OwnCoin>> {
        self.listed(None, |coin| !coin.is_pending())
    }

    fn listed(&self, limit: Option<u64>, is_wanted: impl Fn(&ListedCoin) -> bool) -> Outcome<Vec<OwnCoin>> {
        let mut coins = Vec::new();
        for secret in &self.secrets {
            let owner = self.context.show(&secret.address());
            let listed =
                self.remote.call("coins", limit.map_or_else(|| json!([owner]), |limit| json!([owner, limit])))?;
            let listed: Vec<ListedCoin> = serde_json::from_value(listed).map_err(|error| {
                Failure::new(Exit::Internal, format!("the node's list of coins cannot be read: {error}"))
            })?;
            coins.extend(listed.iter().filter(|coin| is_wanted(coin)).filter_map(|coin| coin.of(secret.public_key())));
        }
        coins.sort_unstable_by(|a, b| b.amount.cmp(&a.amount).then(a.outpoint.cmp(&b.outpoint)));
        Ok(coins)
    }

    /// Adds the payer's coins that cannot be spent yet to the message.
    fn explain(&self, error: WalletError) -> Failure {
        if !matches!(error, WalletError::Insufficient { .. } | WalletError::TooManyCoins { .. }) {
            return error.into();
        }
        let mut failure = Failure::from(error.clone());
        if let WalletError::TooManyCoins { .. } = error {
            failure.message = format!("{}; merge them: tussock merge {}", failure.message, self.name);
        }
        let owner = self.context.show(&self.secrets[0].address());
        let Ok(balance) = self.remote.call("balance", json!([owner])) else { return failure };
        let [immature, pending] =
            ["immature", "pending"].map(|key| units::amount(&self.context.spec().unit, output::number(&balance, key)));
        let mut message = format!("{}: {owner} also has {immature} immature and {pending} pending", failure.message);
        if self.is_only_key && has_funded_key(self.context.spec()) {
            let name = &self.name;
            message =
                format!("{message}. \"{name}\" pays as the only key; a test chain's funded one does with --from dev0");
        }
        Failure { message, ..failure }
    }
}

/// A failure after some payments were sent: they stand.
pub(super) fn after(sent: &[Sent], failure: Failure) -> Failure {
    if sent.is_empty() {
        return failure;
    }
    let before = units::count(sent.len() as u64, "payment");
    Failure { message: format!("{}; {before} before that went out and stand", failure.message), ..failure }
}

/// Waits for the next block, which confirms earlier payments, or a moment: it may have come before the height was known. Fails
/// at once if no node can make one.
fn await_block(remote: &Remote, deadline: Deadline, failure: Failure) -> Outcome {
    let status = remote.call("status", json!([]))?;
    let peers = output::number(&status["peers"], "inbound") + output::number(&status["peers"], "outbound");
    if peers == 0 && status["mining"]["enabled"] != true {
        return Err(failure);
    }
    let next = output::number(&status, "height") + 1;
    let moment = Deadline::after(CHAIN_PAUSE.min(deadline.left()));
    match remote.wait(&json!({ "kind": "height", "value": next.to_string() }), moment)? {
        Ok(_) => Ok(()),
        Err(_) if !deadline.left().is_zero() => Ok(()),
        Err(_) => Err(Failure { exit: Exit::TimedOut, ..failure }),
    }
}

/// The word for why the node does not take a transaction.
pub(super) fn reason(failure: &Failure) -> &str {
    failure.data["reason"].as_str().unwrap_or_default()
}

/// Whether the node takes no payments yet: a node that has just started looks for peers, or fetches their blocks.
fn is_passing(failure: &Failure) -> bool {
    let states =
        [SyncState::Starting, SyncState::Connecting, SyncState::Headers, SyncState::Snapshot, SyncState::Blocks];
    reason(failure) == Refusal::NOT_SYNCED && states.iter().any(|state| failure.data["state"] == state.name())
}

/// Whether a payment of the same key from another host came first, or the node's queue is full.
fn may_succeed_later(failure: &Failure) -> bool {
    [Refusal::CONFLICT, Refusal::BUSY].contains(&reason(failure))
}

/// Whether the chain has given something to [`FUNDED_KEY`]: not each test chain has.
fn has_funded_key(spec: &ChainSpec) -> bool {
    let funded = SecretKey::well_known(0).address();
    spec.test && spec.genesis.transactions[0].transaction.outputs.iter().any(|output| output.address == funded)
}

/// The only key; on test chains `dev0` if there is none.
fn default_key(keys: &Keys<'_>, spec: &ChainSpec) -> Outcome<String> {
    let (mut names, mut owners) = (keys.names()?, BTreeSet::new());
    // A key in two files has one balance.
    names.retain(|name| match keys.read(name) {
        Ok(file) => file.public_key().map_or(!file.is_watched(), |key| owners.insert(key)),
        Err(_) => true,
    });
    match (names.len(), spec.test) {
        (1, _) => Ok(names.remove(0)),
        (0, true) => Ok(FUNDED_KEY.to_owned()),
        (0, false) => Err(Failure::usage("there is no key to pay with; make one with: tussock key new NAME")),
        _ => {
            let funded = match has_funded_key(spec) {
                true => format!("; a test chain's funded one is --from {FUNDED_KEY}"),
                false => String::new(),
            };
            let names = names.join(", ");
            Err(Failure::usage(format!("several keys could pay: {names}; choose one with --from{funded}")))
        }
    }
}
