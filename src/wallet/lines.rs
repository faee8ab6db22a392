//! The lines of which texts of payments are made: see [`super::offline`].

use crate::base::{
    hash::{Domain, Hash},
    limits,
};

/// Bytes of content in one line: 800 characters, which make a QR code of about 80 modules.
pub(super) const LINE_BYTES: usize = 500;
/// The digits of a full line.
pub(super) const LINE_DIGITS: usize = LINE_BYTES * 8 / 5;
/// Fields of a line, with colons between them.
const FIELDS: usize = 4;
/// The digits of base 32.
const DIGITS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Lines at most: a transaction of the largest size.
const MAX_LINES: usize = limits::MAX_TRANSACTION_BYTES / LINE_BYTES + 2;
/// Begins each line.
pub(super) const MARK: &str = "TUSSOCK1";

/// A line of a text.
pub(super) struct Line {
    /// Which of them, from 1.
    pub(super) part: usize,
    /// How many there are.
    pub(super) count: usize,
    /// The check of the whole.
    pub(super) check: String,
    /// Its content in base 32.
    pub(super) digits: String,
    /// Words that follow it and may be the rest of its content, if it was broken.
    pub(super) more: Vec<String>,
}

impl Line {
    /// Reads a line that begins with the first of these words; it may have been broken into several.
    pub(super) fn parse(words: &[String]) -> Option<Self> {
        let end = words.iter().skip(1).position(|word| word.starts_with(MARK)).map_or(words.len(), |at| at + 1);
        let mut words = words[..end].iter();
        let mut line = words.next()?.clone();
        while line.split(':').count() < FIELDS {
            line.push_str(words.next()?);
        }
        let mut fields = line.split(':').skip(1);
        let (place, check, digits) = (fields.next()?, fields.next()?, fields.next()?);
        let (part, count) = place.split_once('/')?;
        let (part, count): (usize, usize) = (part.parse().ok()?, count.parse().ok()?);
        let is_sound = fields.next().is_none() && (1..=MAX_LINES).contains(&count) && (1..=count).contains(&part);
        let mut digits = digits.to_owned();
        // All lines but the last are full.
        while part < count && digits.len() < LINE_DIGITS {
            let Some(word) = words.next() else { break };
            digits.push_str(word);
        }
        let is_digits = |word: &&String| word.bytes().all(|digit| DIGITS.contains(&digit));
        let more = words.take_while(is_digits).take(LINE_DIGITS).cloned().collect();
        let is_sound = is_sound && digits.len() <= LINE_DIGITS;
        is_sound.then(|| Self { part, count, check: check.to_owned(), digits, more })
    }
}

/// The beginning of the content's hash.
pub(super) fn check(content: &[u8]) -> String {
    let Hash(hash) = Domain::MESSAGE.hash(content);
    to_base32(&hash[..5])
}

/// In base 32 (RFC 4648, without padding).
pub(super) fn to_base32(bytes: &[u8]) -> String {
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
pub(super) fn from_base32(text: &str) -> Option<Vec<u8>> {
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
