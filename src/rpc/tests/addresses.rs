//! What is told of an address.

use serde_json::{Value, json};

use super::harness::Rig;
use crate::chain::key::SecretKey;

/// The mempool answers before the chain is looked at. Meanwhile a block may have come.
#[test]
fn a_payment_that_is_confirmed_while_the_question_is_answered_is_listed_once() {
    let mut rig = Rig::new();
    let address = SecretKey::well_known(1).address().to_text(&rig.maker.spec().prefix);
    let (confirmed, waiting) = (rig.transfer(5), rig.transfer(7));
    rig.extend(vec![confirmed.clone()]);
    rig.wait_for_index(1);
    rig.put_into_pool(&confirmed);
    rig.put_into_pool(&waiting);
    let history = rig.result("history", json!([address]));
    let ids = |list: &str| -> Vec<Value> {
        history[list].as_array().unwrap().iter().map(|entry| entry["txid"].clone()).collect()
    };
    assert_eq!(ids("entries")[0], json!(confirmed.txid()));
    assert_eq!(ids("pending"), [json!(waiting.txid())]);
}
