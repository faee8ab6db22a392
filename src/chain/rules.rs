//! Validity, as pure functions: a block or transaction is valid or has one first fault, the same on every node.
//!
//! Order of checks: cheap before costly, and what the sender alone is to blame for (bytes that do not match the header)
//! before what makes the header itself invalid. [`BlockFault::blames_header`] tells the two apart.

pub use crate::chain::header_fault::HeaderFault;
use crate::{
    base::{hash::Hash, limits, time::UnixTime},
    chain::{
        address::Address,
        block::{HashedBlock, HashedTransaction},
        coin::Coin,
        header::{HEADER_VERSION, Header},
        spec::ChainSpec,
        target::{CompactTarget, Work},
        transaction::{TRANSACTION_VERSION, Transaction},
        transaction_view::TransactionView,
    },
};

/// What is wrong with a transaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionFault {
    /// Not [`TRANSACTION_VERSION`].
    #[error("transaction version {0} is unknown")]
    Version(u32),
    /// Longer than [`limits::MAX_TRANSACTION_BYTES`].
    #[error("{0} bytes are too many")]
    Size(usize),
    /// A transaction that spends nothing, outside a block's first place.
    #[error("no inputs")]
    NoInputs,
    /// A transaction that creates nothing.
    #[error("no outputs")]
    NoOutputs,
    /// The same coin twice.
    #[error("input {0} spends a coin that an earlier input spends")]
    RepeatedInput(usize),
    /// An input that names the amount 0.
    #[error("input {0} names no amount")]
    ZeroInput(usize),
    /// An output of amount 0.
    #[error("output {0} has no amount")]
    ZeroAmount(usize),
    /// Inputs above [`limits::MAX_MONEY`], alone or in sum.
    #[error("inputs name amounts that sum to more than can exist")]
    InputOverflow,
    /// Outputs above [`limits::MAX_MONEY`], alone or in sum.
    #[error("outputs sum to more than can exist")]
    Overflow,
    /// A wrong signature.
    #[error("the signature of input {0} does not hold")]
    Signature(usize),
    /// A coin that does not exist or was spent.
    #[error("input {0} spends a coin that does not exist")]
    MissingCoin(usize),
    /// A key whose address does not own the coin.
    #[error("input {0} has a key that does not own the coin")]
    WrongKey(usize),
    /// An amount that is not the coin's.
    #[error("input {input} names the amount {named} of a coin of {coin}")]
    WrongAmount {
        /// Position of the input.
        input: usize,
        /// What it names.
        named: u64,
        /// What the coin has.
        coin: u64,
    },
    /// A coinbase's coin, too young.
    #[error("input {input} spends a coinbase that matures at height {matures}")]
    Immature {
        /// Position of the input.
        input: usize,
        /// The first height at which the coin may be spent.
        matures: u32,
    },
    /// More goes out than came in.
    #[error("outputs of {outputs} exceed inputs of {inputs}")]
    Inflation {
        /// Sum of the amounts that the inputs name.
        inputs: u64,
        /// Sum of the coins created.
        outputs: u64,
    },
}

impl TransactionFault {
    /// Whether no ledger can make the transaction valid: it breaks a rule by itself, or contradicts a coin. What a coin is
    /// follows from its outpoint, so a peer that knows the coin cannot have found the transaction valid.
    pub fn is_permanent(&self) -> bool {
        !matches!(self, Self::MissingCoin(_) | Self::Immature { .. })
    }
}

/// What is wrong with a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockFault {
    /// The bytes are not a block.
    #[error("not a block: {0}")]
    Malformed(String),
    /// The transactions are not those that the header commits to.
    #[error("the merkle root does not match the transactions")]
    MerkleRoot,
    /// No transactions.
    #[error("no transactions")]
    Empty,
    /// Longer than [`limits::MAX_BLOCK_BYTES`].
    #[error("{0} bytes are too many")]
    Size(usize),
    /// The first transaction spends coins.
    #[error("the first transaction is not a coinbase")]
    NoCoinbase,
    /// The coinbase is of another height.
    #[error("the coinbase is not for height {0}")]
    CoinbaseHeight(u32),
    /// The coinbase does not create exactly what it may.
    #[error("the coinbase creates {found} where subsidy and fees are {expected}")]
    CoinbaseAmount {
        /// Sum of its outputs.
        found: u64,
        /// Subsidy and fees.
        expected: u64,
    },
    /// A transaction is invalid.
    #[error("transaction {index}: {fault}")]
    Transaction {
        /// Position in the block.
        index: usize,
        /// What is wrong with it.
        fault: TransactionFault,
    },
    /// The header's digest is not that of the coins before the block.
    #[error("the state digest {found} differs from ours, {expected}")]
    StateDigest {
        /// The header's.
        found: Hash,
        /// That of our coins.
        expected: Hash,
    },
    /// The block itself was not checked.
    #[error("builds on an invalid block")]
    InvalidParent,
    /// An operator of a test chain does not want it. No peer is to blame.
    #[error("set aside by an operator")]
    SetAside,
}

impl BlockFault {
    /// Whether the header commits to the fault, so that no body can be valid. A body that does not belong to the header is
    /// its sender's fault, and says nothing about the header.
    pub fn blames_header(&self) -> bool {
        !matches!(self, Self::Malformed(_) | Self::MerkleRoot)
    }
}

/// What header validation needs to know about the parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParentFacts {
    /// The parent's hash.
    pub hash: Hash,
    /// The parent's height.
    pub height: u32,
    /// The parent's time.
    pub time: u64,
    /// The median time of the parent and up to ten of its ancestors: see [`median_time`].
    pub median_time: u64,
    /// Seconds of pauses that do not count for the difficulty, up to the parent: see [`crate::chain::schedule`].
    pub paused: u64,
    /// The work of the chain up to and with the parent.
    pub work: Work,
}

/// The median of the times of up to [`limits::MEDIAN_TIME_BLOCKS`] blocks; the upper of the middle two, as in Bitcoin.
pub fn median_time(times: &mut [u64]) -> u64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or(0)
}

/// The target that must follow a block with this time, as the schedule counts it, and height.
pub fn next_target(spec: &ChainSpec, parent_time: u64, parent_height: u32) -> CompactTarget {
    spec.asert().next(i64::try_from(parent_time).unwrap_or(i64::MAX), i64::from(parent_height))
}

/// Checks a header against its parent. Says nothing about the future: see [`is_from_future`].
pub fn check_header(spec: &ChainSpec, parent: &ParentFacts, header: &Header, hash: &Hash) -> Result<(), HeaderFault> {
    if header.version != HEADER_VERSION {
        return Err(HeaderFault::Version(header.version));
    }
    if header.previous != parent.hash {
        return Err(HeaderFault::Link);
    }
    if parent.height.checked_add(1) != Some(header.height) {
        let expected = parent.height.saturating_add(1);
        return Err(HeaderFault::Height { found: header.height, expected });
    }
    spec.seal_rules().check(spec, parent, header, hash)
}

/// Whether a header is so far ahead of our clock that its block is held until its time has come. Not a fault: our clock
/// may be wrong. On a chain that authorities seal, none is.
pub fn is_from_future(spec: &ChainSpec, header: &Header, now: UnixTime) -> bool {
    spec.seal_rules().is_from_future(spec, header, now)
}

/// Checks all rules that need only the transaction, except signatures. `coinbase`: whether it is the first of a block.
pub fn check_transaction(hashed: &HashedTransaction, coinbase: bool) -> Result<(), TransactionFault> {
    let transaction = &hashed.transaction;
    if transaction.version != TRANSACTION_VERSION {
        return Err(TransactionFault::Version(transaction.version));
    }
    if hashed.size > limits::MAX_TRANSACTION_BYTES {
        return Err(TransactionFault::Size(hashed.size));
    }
    if transaction.inputs.is_empty() && !coinbase {
        return Err(TransactionFault::NoInputs);
    }
    if transaction.outputs.is_empty() && !coinbase {
        return Err(TransactionFault::NoOutputs);
    }
    let inputs = &transaction.inputs;
    for (at, input) in inputs.iter().enumerate().skip(1) {
        if inputs[..at].iter().any(|earlier| earlier.outpoint == input.outpoint) {
            return Err(TransactionFault::RepeatedInput(at));
        }
    }
    if let Some(at) = inputs.iter().position(|input| input.amount == 0) {
        return Err(TransactionFault::ZeroInput(at));
    }
    if let Some(at) = transaction.outputs.iter().position(|output| output.amount == 0) {
        return Err(TransactionFault::ZeroAmount(at));
    }
    fee(transaction).map(|_| ())
}

/// The fee in base units, by the amounts that the inputs name: what they sum to beyond the outputs. The ledger takes only
/// inputs that name their coins' amounts, so nobody needs it to know a valid transaction's fee. A coinbase pays none.
pub fn fee(transaction: &Transaction) -> Result<u64, TransactionFault> {
    let outputs = &mut transaction.outputs.iter().map(|output| output.amount);
    if transaction.is_coinbase() {
        return sum(outputs).map(|_| 0);
    }
    surplus(&mut transaction.inputs.iter().map(|input| input.amount), outputs)
}

/// Checks all rules that need only the block, except signatures and header.
pub fn check_block(block: &HashedBlock) -> Result<(), BlockFault> {
    if block.merkle_root() != block.header.merkle_root {
        return Err(BlockFault::MerkleRoot);
    }
    check_size(block.bytes.len().saturating_sub(block.header.size()))?;
    if block.transactions.is_empty() {
        return Err(BlockFault::Empty);
    }
    let mut all = block.transactions.iter().enumerate();
    all.try_for_each(|(index, transaction)| check_place(block.header.height, index, transaction))
}

/// Checks the bytes of a block behind its header.
pub(super) fn check_size(bytes: usize) -> Result<(), BlockFault> {
    if bytes > limits::MAX_BLOCK_BYTES { Err(BlockFault::Size(bytes)) } else { Ok(()) }
}

/// Checks a transaction at its place in a block of this height.
pub(super) fn check_place(height: u32, index: usize, hashed: &HashedTransaction) -> Result<(), BlockFault> {
    let is_coinbase = index == 0;
    if is_coinbase && !hashed.transaction.is_coinbase() {
        return Err(BlockFault::NoCoinbase);
    }
    if is_coinbase && hashed.transaction.coinbase_height() != Some(height) {
        return Err(BlockFault::CoinbaseHeight(height));
    }
    check_transaction(hashed, is_coinbase).map_err(|fault| BlockFault::Transaction { index, fault })
}

/// Checks a transaction's inputs against the coins that they name (`coins[i]` for input `i`; `None`: no such coin), for
/// a block at `height`. Returns the fee in base units.
pub fn check_spend(
    spec: &ChainSpec,
    transaction: &Transaction,
    coins: &[Option<Coin>],
    height: u32,
) -> Result<u64, TransactionFault> {
    let inputs = &mut transaction.inputs.iter().map(|input| (&input.public_key, input.amount));
    check_coins(spec, inputs, coins, height)?;
    fee(transaction)
}

/// [`check_spend`] for a transaction that is not decoded.
pub fn check_view(
    spec: &ChainSpec,
    view: &TransactionView<'_>,
    coins: &[Option<Coin>],
    height: u32,
) -> Result<u64, TransactionFault> {
    check_coins(spec, &mut view.keys().zip(view.amounts()), coins, height)?;
    surplus(&mut view.amounts(), &mut view.outputs().map(|output| output.amount))
}

/// Compares the inputs, each a key and a named amount, with their coins.
fn check_coins(
    spec: &ChainSpec,
    inputs: &mut dyn Iterator<Item = (&[u8; 32], u64)>,
    coins: &[Option<Coin>],
    height: u32,
) -> Result<(), TransactionFault> {
    for (at, (key, named)) in inputs.enumerate() {
        let coin = coins.get(at).and_then(Option::as_ref).ok_or(TransactionFault::MissingCoin(at))?;
        if Address::of(key) != coin.address {
            return Err(TransactionFault::WrongKey(at));
        }
        if named != coin.amount {
            return Err(TransactionFault::WrongAmount { input: at, named, coin: coin.amount });
        }
        let matures = matures_at(spec, coin);
        if height < matures {
            return Err(TransactionFault::Immature { input: at, matures });
        }
    }
    Ok(())
}

/// What the inputs' amounts sum to beyond the outputs'.
fn surplus(
    inputs: &mut dyn Iterator<Item = u64>,
    outputs: &mut dyn Iterator<Item = u64>,
) -> Result<u64, TransactionFault> {
    let inputs = sum(inputs).map_err(|_| TransactionFault::InputOverflow)?;
    let outputs = sum(outputs)?;
    inputs.checked_sub(outputs).ok_or(TransactionFault::Inflation { inputs, outputs })
}

/// Checks that the coinbase creates exactly subsidy and fees. Claiming less would break the equation of the supply.
pub fn check_coinbase_amount(
    spec: &ChainSpec,
    coinbase: &Transaction,
    height: u32,
    fees: u64,
) -> Result<(), BlockFault> {
    check_reward(spec, &mut coinbase.outputs.iter().map(|output| output.amount), height, fees)
}

/// [`check_coinbase_amount`] for a coinbase with outputs of these amounts.
pub fn check_reward(
    spec: &ChainSpec,
    outputs: &mut dyn Iterator<Item = u64>,
    height: u32,
    fees: u64,
) -> Result<(), BlockFault> {
    let found = sum(outputs).map_err(|fault| BlockFault::Transaction { index: 0, fault })?;
    let overflow = BlockFault::Transaction { index: 0, fault: TransactionFault::Overflow };
    let expected = spec.subsidy(height).checked_add(fees).ok_or(overflow)?;
    if found == expected { Ok(()) } else { Err(BlockFault::CoinbaseAmount { found, expected }) }
}

/// The first height at which `coin` may be spent. Genesis allocations need not mature.
pub fn matures_at(spec: &ChainSpec, coin: &Coin) -> u32 {
    if coin.coinbase && coin.height > 0 { coin.height.saturating_add(spec.parameters.maturity) } else { 0 }
}

fn sum(mut amounts: &mut dyn Iterator<Item = u64>) -> Result<u64, TransactionFault> {
    let sum = Iterator::try_fold(&mut amounts, 0u64, |sum, amount| sum.checked_add(amount));
    sum.filter(|sum| *sum <= limits::MAX_MONEY).ok_or(TransactionFault::Overflow)
}
