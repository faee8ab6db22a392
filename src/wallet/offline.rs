//! Payments on their way between who makes, who signs and who submits them: as text of few kinds of characters, which a
//! file, a message or a QR code carries.
//!
//! A text is one line or several, each `TUSSOCK1:PART/PARTS:CHECK:CONTENT`: letters and digits that QR codes store densely,
//! at most [`LINE_BYTES`] bytes of content in each, so that a telephone reads it. `CHECK` begins the hash of the whole content:
//! lines of different payments do not go together. The content is in base 32 (RFC 4648, without padding): the first bytes of
//! the genesis hash, then whether it is signed, then the payment.

use std::collections::BTreeMap;

use super::error::{Outcome, WalletError};
use crate::{
    base::{
        codec::{self, List},
        hash::{Domain, Hash, hex},
        limits,
    },
    chain::{
        address::Address,
        block::HashedTransaction,
        key::SecretKey,
        rules,
        spec::ChainSpec,
        transaction::{Input, OutPoint, Output, TRANSACTION_VERSION, Transaction},
    },
};

/// Bytes of content in one line: 800 characters, which make a QR code of about 80 modules.
const LINE_BYTES: usize = 500;
/// Lines at most: a transaction of the largest size.
const MAX_LINES: usize = limits::MAX_TRANSACTION_BYTES / LINE_BYTES + 2;
/// Begins each line.
const MARK: &str = "TUSSOCK1";
/// Bytes of the genesis hash.
const GENESIS_BYTES: usize = 8;
/// The digits of base 32.
const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A coin that is to be spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsignedInput {
    /// Which coin.
    pub outpoint: OutPoint,
    /// Its amount, base units. It is signed, and the ledger compares it: a lie makes the payment worthless.
    pub amount: u64,
    /// Who must sign.
    pub owner: Address,
}

/// A payment that nobody has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// Coins spent.
    pub inputs: List<UnsignedInput, { limits::MAX_INPUTS }>,
    /// Coins created.
    pub outputs: List<Output, { limits::MAX_OUTPUTS }>,
    /// Free bytes.
    pub memo: List<u8, { limits::MAX_MEMO_BYTES }>,
}

/// What a text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offline {
    /// To be signed.
    Unsigned(Unsigned),
    /// To be submitted.
    Signed(Transaction),
}

impl Unsigned {
    /// The payment of a transaction whose coins all belong to one address.
    pub fn of(transaction: &Transaction, owner: Address) -> Self {
        let inputs = transaction.inputs.iter();
        let inputs = inputs.map(|input| UnsignedInput { outpoint: input.outpoint, amount: input.amount, owner });
        let (outputs, memo) = (transaction.outputs.clone(), transaction.memo.clone());
        Self { inputs: List::truncated(inputs), outputs, memo }
    }

    /// What it costs, base units.
    pub fn fee(&self) -> Outcome<u64> {
        rules::fee(&self.with_keys(|_| [0; 32])).map_err(|fault| WalletError::usage(fault.to_string()))
    }

    /// The signed transaction. Each input needs one of these keys.
    pub fn sign(&self, spec: &ChainSpec, keys: &[SecretKey]) -> Outcome<Transaction> {
        let of = |owner: &Address| keys.iter().find(|key| key.address() == *owner);
        if let Some(input) = self.inputs.iter().find(|input| of(&input.owner).is_none()) {
            let owner = input.owner.to_text(&spec.prefix);
            return Err(WalletError::usage(format!("the key of {owner} is missing, whose coin is to be spent")));
        }
        let mut transaction = self.with_keys(|owner| of(owner).map_or([0; 32], SecretKey::public_key));
        keys.iter().for_each(|key| key.sign_transaction(&mut transaction, &spec.genesis_hash()));
        let checked = rules::check_transaction(&HashedTransaction::new(transaction.clone()), false);
        checked.map_err(|fault| WalletError::usage(format!("no valid payment: {fault}")))?;
        Ok(transaction)
    }

    /// The number of inputs in a byte; of each the outpoint, the amount and the owner; the rest as a transaction without
    /// inputs.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![u8::try_from(self.inputs.len()).expect("inputs are limited to far below 256")];
        for UnsignedInput { outpoint, amount, owner } in &self.inputs {
            bytes.extend(outpoint.txid.0);
            bytes.extend(outpoint.index.to_le_bytes());
            bytes.extend(amount.to_le_bytes());
            bytes.extend(owner.0);
        }
        let rest = Self { inputs: List::truncated([]), ..self.clone() };
        bytes.extend(rest.with_keys(|_| [0; 32]).to_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (count, mut rest) = bytes.split_first()?;
        let mut inputs = Vec::new();
        for _ in 0..usize::from(*count).min(limits::MAX_INPUTS) {
            let (txid, after) = rest.split_first_chunk::<32>()?;
            let (index, after) = after.split_first_chunk::<4>()?;
            let (amount, after) = after.split_first_chunk::<8>()?;
            let (owner, after) = after.split_first_chunk::<20>()?;
            let outpoint = OutPoint { txid: Hash(*txid), index: u32::from_le_bytes(*index) };
            inputs.push(UnsignedInput { outpoint, amount: u64::from_le_bytes(*amount), owner: Address(*owner) });
            rest = after;
        }
        let Transaction { version, inputs: none, outputs, memo } = codec::decode(rest).ok()?;
        let is_known = version == TRANSACTION_VERSION && none.is_empty() && !inputs.is_empty();
        is_known.then(|| Self { inputs: List::truncated(inputs), outputs, memo })
    }

    fn with_keys(&self, key: impl Fn(&Address) -> [u8; 32]) -> Transaction {
        let input = |input: &UnsignedInput| Input {
            outpoint: input.outpoint,
            amount: input.amount,
            public_key: key(&input.owner),
            signature: [0; 64],
        };
        Transaction {
            version: TRANSACTION_VERSION,
            inputs: List::truncated(self.inputs.iter().map(input)),
            outputs: self.outputs.clone(),
            memo: self.memo.clone(),
        }
    }
}

impl Offline {
    /// The text, without a newline at its end.
    pub fn to_text(&self, spec: &ChainSpec) -> String {
        let mut content = spec.genesis_hash().0[..GENESIS_BYTES].to_vec();
        match self {
            Self::Unsigned(unsigned) => {
                content.push(0);
                content.extend(unsigned.to_bytes());
            }
            Self::Signed(transaction) => {
                content.push(1);
                content.extend(transaction.to_bytes());
            }
        }
        let check = check(&content);
        let parts = content.chunks(LINE_BYTES);
        let count = parts.len();
        let line = |(part, bytes): (usize, &[u8])| format!("{MARK}:{part}/{count}:{check}:{}", to_base32(bytes));
        (1..).zip(parts).map(line).collect::<Vec<_>>().join("\n")
    }

    /// Reads a text. Its lines may come in any order and more than once, in small letters, and with others between them.
    pub fn parse(text: &str, spec: &ChainSpec) -> Outcome<Self> {
        let mut parts: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        let mut first: Option<(usize, String)> = None;
        for word in text.split_whitespace().map(str::to_ascii_uppercase).filter(|word| word.starts_with(MARK)) {
            let (part, count, check, bytes) = parse_line(&word).ok_or_else(|| damaged("a line is damaged"))?;
            let (all, whole) = first.get_or_insert((count, check.clone()));
            if (*all, &*whole) != (count, &check) {
                return Err(damaged("lines of different payments"));
            }
            parts.insert(part, bytes);
        }
        let Some((count, whole)) = first else {
            return Err(damaged("no payment: its lines begin with TUSSOCK1:"));
        };
        if let Some(missing) = (1..=count).find(|part| !parts.contains_key(part)) {
            return Err(damaged(&format!("part {missing} of {count} is missing")));
        }
        let content: Vec<u8> = parts.into_values().flatten().collect();
        if check(&content) != whole {
            return Err(damaged("a line is damaged"));
        }
        Self::decode(&content, spec)
    }

    fn decode(content: &[u8], spec: &ChainSpec) -> Outcome<Self> {
        let broken = || damaged("not a payment that this version knows");
        let (genesis, rest) = content.split_at_checked(GENESIS_BYTES).ok_or_else(broken)?;
        if genesis != &spec.genesis_hash().0[..GENESIS_BYTES] {
            let (found, own) = (hex(genesis), hex(&spec.genesis_hash().0[..GENESIS_BYTES]));
            let problem = format!("a payment of another chain (genesis {found}), not of \"{}\" ({own})", spec.name);
            return Err(WalletError::Foreign(format!("{problem}; name the chain with --chain")));
        }
        match rest.split_first() {
            Some((0, bytes)) => Unsigned::decode(bytes).map(Self::Unsigned).ok_or_else(broken),
            Some((1, bytes)) => {
                HashedTransaction::decode(bytes).map(|hashed| Self::Signed(hashed.transaction)).map_err(|_| broken())
            }
            _ => Err(broken()),
        }
    }
}

fn damaged(problem: &str) -> WalletError {
    WalletError::usage(problem)
}

/// Part, count, check and content.
fn parse_line(line: &str) -> Option<(usize, usize, String, Vec<u8>)> {
    let mut fields = line.split(':').skip(1);
    let (place, check, content) = (fields.next()?, fields.next()?, fields.next()?);
    let (part, count) = place.split_once('/')?;
    let (part, count): (usize, usize) = (part.parse().ok()?, count.parse().ok()?);
    let is_sound = fields.next().is_none() && (1..=MAX_LINES).contains(&count) && (1..=count).contains(&part);
    let bytes = from_base32(content)?;
    (is_sound && bytes.len() <= LINE_BYTES).then(|| (part, count, check.to_owned(), bytes))
}

/// The beginning of the content's hash.
fn check(content: &[u8]) -> String {
    let Hash(hash) = Domain::MESSAGE.hash(content);
    to_base32(&hash[..5])
}

fn to_base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut bits, mut count) = (0u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(char::from(DIGITS[(bits >> count & 31) as usize]));
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        text.push(char::from(DIGITS[(bits << (5 - count) & 31) as usize]));
    }
    text
}

/// `None`: other characters, or bits that no byte has.
fn from_base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut bits, mut count) = (0u32, 0);
    for digit in text.bytes() {
        let value = DIGITS.iter().position(|known| *known == digit)?;
        bits = bits << 5 | u32::try_from(value).ok()?;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
        bits &= (1 << count) - 1;
    }
    (count < 5 && bits == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unsigned(inputs: u8, outputs: u64) -> Unsigned {
        let owner = SecretKey::well_known(0).address();
        let input =
            |n: u8| UnsignedInput { outpoint: OutPoint { txid: Hash([n; 32]), index: 1 }, amount: 900_000, owner };
        let output = |n: u64| Output { amount: n + 1, address: Address([7; 20]) };
        Unsigned {
            inputs: List::truncated((0..inputs).map(input)),
            outputs: List::truncated((0..outputs).map(output)),
            memo: List::truncated(*b"for lunch"),
        }
    }

    #[test]
    fn a_payment_goes_through_text_is_signed_and_comes_back() {
        let spec = ChainSpec::local();
        for (inputs, outputs) in [(1, 2), (40, 100)] {
            let made = unsigned(inputs, outputs);
            let text = Offline::Unsigned(made.clone()).to_text(&spec);
            let dense = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase() || "/:\n".contains(c);
            assert!(text.chars().all(dense) && text.lines().all(|line| line.len() < 850), "{text}");
            let read = Offline::parse(&text, &spec).unwrap();
            assert_eq!(read, Offline::Unsigned(made.clone()));
            let signed = made.sign(&spec, &[SecretKey::well_known(1), SecretKey::well_known(0)]).unwrap();
            assert_eq!(rules::fee(&signed), made.fee().map_err(|_| unreachable!()));
            let text = Offline::Signed(signed.clone()).to_text(&spec);
            // Photographed in any order, one twice, and sent as a message.
            let mut lines: Vec<&str> = text.lines().chain(text.lines().next()).collect();
            lines.reverse();
            let text = format!("here it is:\n{}\nregards\n", lines.join("\n").to_lowercase());
            assert_eq!(Offline::parse(&text, &spec).unwrap(), Offline::Signed(signed));
        }
        assert!(Offline::Unsigned(unsigned(1, 2)).to_text(&spec).lines().count() == 1);
    }

    #[test]
    fn damaged_mixed_incomplete_and_foreign_texts_are_told_apart() {
        let spec = ChainSpec::local();
        let text = Offline::Unsigned(unsigned(40, 100)).to_text(&spec);
        let refused = |text: &str| Offline::parse(text, &spec).unwrap_err().to_string();
        assert!(refused(text.lines().next().unwrap()).contains("part 2 of"));
        let other = Offline::Unsigned(unsigned(41, 100)).to_text(&spec);
        assert!(
            refused(&format!("{}\n{}", text.lines().next().unwrap(), other.lines().nth(1).unwrap()))
                .contains("different")
        );
        let mut wrong = text.clone().into_bytes();
        wrong[300] = if wrong[300] == b'A' { b'B' } else { b'A' };
        assert!(refused(&String::from_utf8(wrong).unwrap()).contains("damaged"));
        assert!(refused("").contains("no payment") && refused("TUSSOCK1:1/1:A").contains("damaged"));
        assert!(matches!(Offline::parse(&text, &ChainSpec::dev()), Err(WalletError::Foreign(_))));
        let missing = unsigned(1, 1).sign(&spec, &[SecretKey::well_known(1)]);
        assert!(matches!(missing, Err(WalletError::Usage(_))));
    }

    proptest! {
        #[test]
        fn base_32_round_trips_and_no_text_panics(bytes in prop::collection::vec(any::<u8>(), 0..80), text in "[A-Z2-7:/1 ]{0,80}") {
            prop_assert_eq!(from_base32(&to_base32(&bytes)), Some(bytes));
            let _ = Offline::parse(&format!("TUSSOCK1:{text}"), &ChainSpec::local());
        }
    }
}
