//! The chain of a benchmark: `local`, or one that authorities with well-known keys seal.

use std::{fs, path::Path};

use crate::{
    base::hash::hex,
    chain::{
        key::SecretKey,
        spec::{ChainSpec, WELL_KNOWN_ACCOUNTS},
        testkit,
    },
    cli::exit::{Failure, Outcome},
};

/// The file of a sealed chain, beside the nodes' data directories.
const FILE: &str = "sealed.toml";

/// Makes the nodes whose data directories will be in this folder run on a chain that so many authorities seal.
pub fn make(folder: &Path, authorities: usize) -> Outcome {
    let file = folder.join(FILE);
    fs::write(&file, text(authorities)).map_err(|error| Failure::io("cannot write", &file, &error))
}

/// What `--chain` must be for this data directory, and the name of the chain's folder in it.
pub fn of(dir: &Path) -> (String, &'static str) {
    match dir.parent().map(|folder| folder.join(FILE)).filter(|file| file.exists()) {
        Some(file) => (file.display().to_string(), "sealed"),
        None => ("local".to_owned(), "local"),
    }
}

/// The chain's file: the parameters of `local`, but for who makes blocks.
fn text(authorities: usize) -> String {
    let local = ChainSpec::local();
    let parameters = &local.parameters;
    let keys: Vec<String> = (0..authorities).map(|number| hex(&testkit::authority_key(number).public_key())).collect();
    let mut text = format!(
        "protocol = 2\nname = \"sealed\"\naddress_prefix = \"ltus\"\ntest = true\ngenesis_time = {}\nblock_time = {}\n\
         subsidy = {}\nhalving_interval = {}\nmaturity = {}\nseal = \"authorities\"\nauthorities = {keys:?}\n",
        parameters.genesis_time,
        parameters.block_time,
        parameters.subsidy,
        parameters.halving_interval,
        parameters.maturity,
    );
    for account in 0..WELL_KNOWN_ACCOUNTS {
        let address = SecretKey::well_known(account).address().to_text(&local.prefix);
        text += &format!("\n[[allocations]]\naddress = \"{address}\"\namount = 100000000000000\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_of_a_chain_whose_keys_are_known() {
        for count in [1, 4, 64] {
            let spec = ChainSpec::from_toml(&text(count)).unwrap();
            assert_eq!(spec.authorities.at(1).unwrap().count(), count);
            assert!(testkit::knows_authorities(&spec) && spec.test);
            assert_eq!(spec.supply(0), ChainSpec::local().supply(0));
        }
    }
}
