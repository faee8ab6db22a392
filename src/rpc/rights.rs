//! What a caller may do, and what each method needs.

use std::{fmt, str::FromStr};

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Look.
    Read,
    /// That, and submit transactions that somebody else has signed.
    Pay,
    /// That, and pay with the keys of the node's folder.
    Spend,
    /// Everything but to pay with the keys of the node's folder.
    Operate,
    /// Everything: whoever has the cookie also has the keys.
    Own,
}

/// Methods that only look.
const READ: [&str; 63] = [
    "balance",
    "block",
    "blocktransactions",
    "book",
    "coins",
    "createrawtransaction",
    "decoderawtransaction",
    "devsnapshots",
    "estimatesmartfee",
    "events",
    "getbalance",
    "getbestblockhash",
    "getblock",
    "getblockchaininfo",
    "getblockcount",
    "getblockhash",
    "getblockheader",
    "getblockstats",
    "getblocktemplate",
    "getchaintips",
    "getconnectioncount",
    "getdifficulty",
    "getindexinfo",
    "getmempoolentry",
    "getmempoolinfo",
    "getmininginfo",
    "getnettotals",
    "getnetworkhashps",
    "getnetworkinfo",
    "getnodeaddresses",
    "getpeerinfo",
    "getrawmempool",
    "getrawtransaction",
    "gettxout",
    "gettxoutproof",
    "gettxoutsetinfo",
    "headers",
    "help",
    "history",
    "listbanned",
    "listdenied",
    "members",
    "mempool",
    "mempoolfees",
    "outspends",
    "peers",
    "ping",
    "prove",
    "rpc.discover",
    "search",
    "signrawtransactionwithkey",
    "status",
    "testmempoolaccept",
    "tips",
    "tx",
    "uptime",
    "validateaddress",
    "verifymessage",
    "verifytxoutproof",
    "wait",
    "waitforblockheight",
    "waitfornewblock",
    "watch",
];
/// Methods that submit transactions.
const PAY: [&str; 1] = ["sendrawtransaction"];
/// Methods of the wallet: they use the keys of the node's folder, or show whose they are.
const SPEND: [&str; 8] = [
    "getnewaddress",
    "getwalletinfo",
    "listsinceblock",
    "listtransactions",
    "listunspent",
    "sendmany",
    "sendtoaddress",
    "signrawtransactionwithwallet",
];

impl Right {
    /// Those that a token may have.
    pub const ALL: [Self; 4] = [Self::Read, Self::Pay, Self::Spend, Self::Operate];

    /// Whether it includes another one.
    pub fn includes(self, needed: Self) -> bool {
        match self {
            Self::Read => needed == Self::Read,
            Self::Pay => matches!(needed, Self::Read | Self::Pay),
            Self::Spend => matches!(needed, Self::Read | Self::Pay | Self::Spend),
            Self::Operate => matches!(needed, Self::Read | Self::Pay | Self::Operate),
            Self::Own => true,
        }
    }

    /// What a method needs. A method that is not listed needs the right to operate.
    pub fn needed(method: &str) -> Self {
        if READ.contains(&method) {
            return Self::Read;
        }
        match method {
            method if PAY.contains(&method) => Self::Pay,
            method if SPEND.contains(&method) => Self::Spend,
            _ => Self::Operate,
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Pay => "pay",
            Self::Spend => "spend",
            Self::Operate => "operate",
            Self::Own => "own",
        }
    }
}

impl FromStr for Right {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|right| right.name() == text);
        found.ok_or_else(|| "a token may read, pay, spend or operate".to_owned())
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::methods::catalogue;

    #[test]
    fn what_changes_the_node_needs_the_right_to_operate_it() {
        let all: Vec<&str> = catalogue::all().map(|method| method.name).collect();
        let mut operate: Vec<&str> = all.iter().copied().filter(|name| Right::needed(name) == Right::Operate).collect();
        operate.sort_unstable();
        let wanted = [
            "addnode",
            "addpeer",
            "ban",
            "devreorg",
            "devrevert",
            "devsnapshot",
            "devtime",
            "disconnectnode",
            "droppeer",
            "evm_increaseTime",
            "evm_revert",
            "evm_snapshot",
            "generatetoaddress",
            "invalidateblock",
            "logging",
            "mine",
            "netallow",
            "netdeny",
            "reconsiderblock",
            "reloadmembers",
            "setban",
            "setmocktime",
            "stop",
            "submitblock",
            "unban",
        ];
        assert_eq!(operate, wanted, "a new method is one of these, or only looks: then it is in READ");
        assert!(READ.iter().chain(&PAY).chain(&SPEND).all(|name| all.contains(name)), "each of these is a method");
        assert!(!Right::Operate.includes(Right::Spend) && !Right::Spend.includes(Right::Operate));
        assert!("own".parse::<Right>().is_err(), "the cookie's alone");
        for right in Right::ALL {
            assert!(right.includes(right) && right.includes(Right::Read) && Right::Own.includes(right));
            assert_eq!(right.includes(Right::Pay), right != Right::Read);
        }
        assert!(Right::ALL.into_iter().all(|right| right.name().parse() == Ok(right)));
    }
}
