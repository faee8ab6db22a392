//! What a caller may do, and what each method needs.

use std::{fmt, str::FromStr};

/// What a caller may do; each right includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Look.
    Read,
    /// Submit transactions that somebody else has signed.
    Pay,
    /// Everything, as with the cookie.
    Operate,
}

/// Methods that only look.
const READ: [&str; 56] = [
    "balance",
    "block",
    "book",
    "coins",
    "decoderawtransaction",
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
    "peers",
    "ping",
    "prove",
    "rpc.discover",
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

impl Right {
    /// All, the least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Pay, Self::Operate];

    /// What a method needs. A method that is not listed needs all rights.
    pub fn needed(method: &str) -> Self {
        if READ.contains(&method) {
            return Self::Read;
        }
        if PAY.contains(&method) { Self::Pay } else { Self::Operate }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Pay => "pay",
            Self::Operate => "operate",
        }
    }
}

impl FromStr for Right {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|right| right.name() == text);
        found.ok_or_else(|| "a token may read, pay or operate".to_owned())
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
            "disconnectnode",
            "droppeer",
            "generatetoaddress",
            "logging",
            "mine",
            "netallow",
            "netdeny",
            "reloadmembers",
            "setban",
            "stop",
            "submitblock",
            "unban",
        ];
        assert_eq!(operate, wanted, "a new method is one of these, or only looks: then it is in READ");
        assert!(READ.iter().chain(&PAY).all(|name| all.contains(name)), "each of these is a method");
        assert!(Right::Read < Right::Pay && Right::Pay < Right::Operate);
        assert!(Right::ALL.into_iter().all(|right| right.name().parse() == Ok(right)));
    }
}
