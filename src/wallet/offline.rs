//! Payments on their way between who makes, who signs and who submits them: as text of few kinds of characters, which a
//! file, a message or a QR code carries.
//!
//! A text is one line or several, each `TUSSOCK1:PART/PARTS:CHECK:CONTENT`: letters and digits that QR codes store densely,
//! at most [`LINE_BYTES`] bytes of content in each, so that a telephone reads it. `CHECK` begins the hash of the whole content:
//! lines of different payments do not go together. The content is in base 32 (RFC 4648, without padding): the first bytes of
//! the genesis hash, then whether it is signed, then the payment.

use std::collections::BTreeMap;

use super::{
    building::Draft,
    error::{Outcome, WalletError},
    lines::{LINE_BYTES, LINE_DIGITS, Line, MARK, check, from_base32, to_base32},
};
use crate::{
    base::{
        codec::{self, List},
        hash::{Hash, hex},
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

/// Bytes of the genesis hash.
const GENESIS_BYTES: usize = 8;

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

    /// Refuses a fee that is likely a mistake, as far as a host without a node can know: see [`Draft::check_rate`].
    pub fn check_fee(&self, spec: &ChainSpec) -> Outcome {
        let payers = self.inputs.iter().map(|input| input.owner).collect();
        Draft::of(self.with_keys(|_| [0; 32]), &payers)?.check_rate(spec, 0)
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

    /// Reads a text. Its lines may come in any order and more than once, in small letters, and with others between them; quoted
    /// by a mail (`>`), and broken.
    pub fn parse(text: &str, spec: &ChainSpec) -> Outcome<Self> {
        let words: Vec<String> = text
            .split_whitespace()
            .map(|word| word.trim_start_matches(['>', '\u{feff}']).to_ascii_uppercase())
            .filter(|word| !word.is_empty())
            .collect();
        let mut parts: BTreeMap<usize, Line> = BTreeMap::new();
        let mut first: Option<(usize, String)> = None;
        for at in (0..words.len()).filter(|at| words[*at].starts_with(MARK)) {
            let line = Line::parse(&words[at..]).ok_or_else(|| damaged("a line is damaged"))?;
            let (all, whole) = first.get_or_insert((line.count, line.check.clone()));
            if (*all, &*whole) != (line.count, &line.check) {
                return Err(damaged("lines of different payments"));
            }
            parts.insert(line.part, line);
        }
        let Some((count, whole)) = first else {
            return Err(damaged("no payment: its lines begin with TUSSOCK1:"));
        };
        if let Some(missing) = (1..=count).find(|part| !parts.contains_key(part)) {
            return Err(damaged(&format!("part {missing} of {count} is missing")));
        }
        let more = parts.get(&count).map(|last| last.more.clone()).unwrap_or_default();
        let mut digits: Vec<String> = parts.into_values().map(|line| line.digits).collect();
        // How long the last line was, its check alone says: what follows it may be somebody's greetings.
        let mut more = more.into_iter();
        loop {
            let bytes = digits.iter().map(|digits| from_base32(digits)).collect::<Option<Vec<_>>>();
            let content: Option<Vec<u8>> = bytes.map(|bytes| bytes.into_iter().flatten().collect());
            if let Some(content) = content.filter(|content| check(content) == whole) {
                return Self::decode(&content, spec);
            }
            match (more.next(), digits.last_mut()) {
                (Some(next), Some(last)) if last.len() + next.len() <= LINE_DIGITS => last.push_str(&next),
                _ => return Err(damaged("a line is damaged")),
            }
        }
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
        let payment = Offline::Unsigned(unsigned(40, 100));
        let text = payment.to_text(&spec);
        let refused = |text: &str| Offline::parse(text, &spec).unwrap_err().to_string();
        assert!(refused(text.lines().next().unwrap()).contains("part 2 of"));
        // As mail programs make it of them.
        let broken = |text: &str, width: usize, begin: &str| -> String {
            let pieces = text.lines().flat_map(|line| line.as_bytes().chunks(width));
            pieces.map(|piece| format!("{begin}{}\r\n", std::str::from_utf8(piece).unwrap())).collect()
        };
        for mangled in [
            format!("\u{feff}{text}"),
            text.lines().map(|line| format!("> > {line}\n")).collect(),
            broken(&text, 76, ""),
            broken(&text, 72, ">>"),
            broken(&text, 11, ""),
            format!("{}\nregards\nann\n", broken(&text, 76, "> ")),
            format!("{text}\nregards ann"),
        ] {
            assert_eq!(Offline::parse(&mangled, &spec).as_ref(), Ok(&payment), "{mangled}");
        }
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
