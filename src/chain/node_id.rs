//! The text of a node's identity: its public key in bech32m (BIP 350), with the chain's prefix and `node`.

use bech32::{Bech32m, Hrp, primitives::decode::CheckedHrpstring};

use crate::{base::ids::NodeId, chain::address::Prefix};

/// What follows the chain's prefix.
const NODE: &str = "node";

/// The text form, such as `ltusnode1…`.
pub fn to_text(node: &NodeId, prefix: &Prefix) -> String {
    let text = bech32::encode::<Bech32m>(hrp(prefix), &node.0);
    text.expect("32 bytes and a checked prefix are within bech32's length")
}

/// Reads the text form; the prefix must be this chain's.
pub fn parse(text: &str, prefix: &Prefix) -> Result<NodeId, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("not the id of a node, such as {prefix}{NODE}1…: {why}");
    let mistyped = |_| wrong(&"a character is wrong or missing: copy it again");
    let checked = CheckedHrpstring::new::<Bech32m>(text.trim()).map_err(mistyped)?;
    if checked.hrp() != hrp(prefix) {
        return Err(wrong(&format!("it starts with \"{}1\"", checked.hrp().to_string().to_lowercase())));
    }
    let bytes: Vec<u8> = checked.byte_iter().collect();
    let length = bytes.len();
    bytes.try_into().map(NodeId).map_err(|_| wrong(&format!("it holds {length} bytes, not 32")))
}

/// Splits `ID@HOST:PORT`, or `HOST:PORT`.
pub fn pinned<'a>(text: &'a str, prefix: &Prefix) -> Result<(Option<NodeId>, &'a str), String> {
    match text.split_once('@') {
        Some((node, address)) => Ok((Some(parse(node, prefix)?), address)),
        None => Ok((None, text)),
    }
}

fn hrp(prefix: &Prefix) -> Hrp {
    Hrp::parse(&format!("{prefix}{NODE}")).expect("a prefix of 10 letters and digits at most, and four letters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_id_is_read_again_and_a_mistyped_one_is_not() {
        let (prefix, other) = (Prefix::new("ltus").unwrap(), Prefix::new("tus").unwrap());
        let node = NodeId([7; 32]);
        let text = to_text(&node, &prefix);
        assert!(text.starts_with("ltusnode1"), "{text}");
        assert_eq!(parse(&text, &prefix), Ok(node));
        assert!(parse(&text, &other).is_err() && parse(&text.replace("qur", "qru"), &prefix).is_err());
        assert!(parse(&crate::chain::address::Address([1; 20]).to_text(&prefix), &prefix).is_err());
        let longest = Prefix::new("abcdefghij").unwrap();
        assert_eq!(parse(&to_text(&node, &longest), &longest), Ok(node));
    }
}
