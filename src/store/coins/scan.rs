//! All coins of a table in the order of their keys: its runs, read merged.

use rusqlite::Connection;

use super::{
    pages::{self, Cursor},
    run::Layer,
};
use crate::{
    chain::{archive::StoreError, coin::Coin, coin_key::CoinKey},
    store::runs,
};

/// A pass over all coins.
pub(in crate::store) struct Scan<'a> {
    connection: &'a Connection,
    /// Of younger runs first. The output of a merge and its inputs share no key.
    cursors: Vec<Cursor>,
}

impl<'a> Scan<'a> {
    /// At the first coin whose key is above `passed`.
    pub(super) fn new(
        connection: &'a Connection,
        layers: &[Layer],
        passed: Option<&CoinKey>,
    ) -> Result<Self, StoreError> {
        let mut cursors = Vec::new();
        for layer in layers {
            match layer {
                Layer::Run(run) => cursors.push(pages::cursor(connection, run.slot, passed)?),
                Layer::Merge(merge) => {
                    cursors.push(pages::cursor(connection, merge.output.slot, passed)?);
                    for run in &merge.inputs {
                        cursors.push(pages::cursor(connection, run.slot, merge.passed.as_ref().max(passed))?);
                    }
                }
            }
        }
        Ok(Self { connection, cursors })
    }

    /// The next coin.
    pub(in crate::store) fn next(&mut self) -> Result<Option<(CoinKey, Coin)>, StoreError> {
        loop {
            let Some(youngest) = runs::least(&self.cursors) else { return Ok(None) };
            let Some(entry) = self.cursors[youngest].entries.entry() else { return Ok(None) };
            let (key, coin) = (entry.key, entry.coin()?);
            for cursor in self.cursors.iter_mut().filter(|cursor| cursor.key() == Some(key)) {
                cursor.step(self.connection)?;
            }
            if let Some(coin) = coin {
                return Ok(Some((key, coin)));
            }
        }
    }
}
