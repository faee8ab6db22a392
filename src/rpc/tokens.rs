//! Named tokens: credentials besides the cookie, with rights of their own, that stay the same over restarts.
//!
//! The file holds only their hashes. It may change while the node runs: a token that is removed from it is refused from then
//! on.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    base::hash::{Domain, Hash},
    rpc::rights::Right,
};

/// The file's name in a chain's folder.
pub const FILE: &str = "tokens.json";
/// Tokens in a file.
pub const MAX_TOKENS: usize = 100;
/// Bytes of a file that is read.
const MAX_BYTES: u64 = 64 * 1024;

/// One token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its name, which is also the user name of HTTP Basic.
    pub name: String,
    /// A [`Right`].
    pub may: String,
    /// The hash of its secret.
    pub hash: Hash,
    /// When it was made, unix seconds.
    pub created: u64,
}

impl Token {
    /// A token with this secret.
    pub fn new(name: &str, may: Right, secret: &str, created: u64) -> Self {
        Self { name: name.to_owned(), may: may.name().to_owned(), hash: hash(secret), created }
    }
}

fn hash(secret: &str) -> Hash {
    Domain::TOKEN.hash(secret.as_bytes())
}

/// Reads a file of tokens; without one there are none.
pub fn read(path: &Path) -> Result<Vec<Token>, String> {
    let size = match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        facts => facts.map_err(|error| error.to_string())?.len(),
    };
    if size > MAX_BYTES {
        return Err(format!("more than {MAX_BYTES} bytes"));
    }
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// The tokens of a running node.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    loaded: Mutex<Loaded>,
}

#[derive(Debug, Default)]
struct Loaded {
    /// What the file looked like when it was read: inode, length, and the time of its last change.
    stamp: Option<(u64, u64, i64, i64)>,
    tokens: Vec<Token>,
}

impl Tokens {
    /// The tokens of this file.
    pub fn new(path: PathBuf) -> Self {
        Self { path, loaded: Mutex::default() }
    }

    /// What the owner of a secret may do; `name`: only if it is the secret of this token.
    pub fn right(&self, name: Option<&str>, secret: &str) -> Option<Right> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh(&mut loaded);
        // Hashes are compared: how long that takes says nothing about the secret.
        let hash = hash(secret);
        let is_it = |token: &&Token| token.hash == hash && name.is_none_or(|name| name == token.name);
        loaded.tokens.iter().find(is_it).and_then(|token| token.may.parse().ok())
    }

    fn refresh(&self, loaded: &mut Loaded) {
        let facts = fs::metadata(&self.path).ok();
        let stamp = facts.map(|facts| (facts.ino(), facts.len(), facts.mtime(), facts.mtime_nsec()));
        if loaded.stamp == stamp {
            return;
        }
        loaded.stamp = stamp;
        loaded.tokens = read(&self.path).unwrap_or_else(|problem| {
            log::warn!(
                "no token is accepted, the file cannot be read path={} problem=\"{problem}\"",
                self.path.display()
            );
            Vec::new()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_from_when_it_is_in_the_file_until_it_is_removed() {
        let path = std::env::temp_dir().join(format!("tussock-tokens-{}", std::process::id()));
        let tokens = Tokens::new(path.clone());
        assert_eq!(tokens.right(None, "abc"), None, "there is no file");
        let write =
            |list: &[Token]| fs::write(&path, serde_json::to_string(list).expect("it is JSON")).expect("written");
        write(&[Token::new("shop", Right::Pay, "abc", 1), Token::new("wall", Right::Read, "def", 2)]);
        assert_eq!(tokens.right(None, "abc"), Some(Right::Pay));
        assert_eq!([tokens.right(Some("shop"), "abc"), tokens.right(Some("wall"), "abc")], [Some(Right::Pay), None]);
        assert_eq!([tokens.right(Some("wall"), "def"), tokens.right(None, "abd")], [Some(Right::Read), None]);
        assert!(!fs::read_to_string(&path).expect("it is there").contains("abc"), "only hashes are stored");
        write(&[Token::new("wall", Right::Read, "def", 2)]);
        assert_eq!([tokens.right(None, "abc"), tokens.right(None, "def")], [None, Some(Right::Read)]);
        fs::write(&path, "[{").expect("written");
        assert_eq!(tokens.right(None, "def"), None, "a broken file lets nobody in");
        fs::remove_file(&path).expect("removed");
    }
}
