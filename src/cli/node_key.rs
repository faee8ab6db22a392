//! The file of a node's key: 32 secret bytes as hex, made at the first start.

use std::{fs, io::ErrorKind, path::Path};

use tussock_noise::Key;

use crate::{
    base::hash::{Hash, hex},
    cli::{
        datadir,
        exit::{Failure, Outcome},
    },
    node::node_key::NodeKey,
};

/// Reads the key, or makes one.
pub fn load(folder: &Path) -> Outcome<NodeKey> {
    if let Some(key) = read(folder)? {
        return Ok(key);
    }
    let secret = datadir::random_bytes::<32>()?;
    datadir::write_atomically(&folder.join(datadir::NODE_KEY), format!("{}\n", hex(&secret)).as_bytes(), 0o600)?;
    Ok(NodeKey::new(Key(secret)))
}

/// Reads the key; `None`: the node has not started yet.
pub fn read(folder: &Path) -> Outcome<Option<NodeKey>> {
    let path = folder.join(datadir::NODE_KEY);
    match fs::read_to_string(&path) {
        Ok(text) => match text.trim().parse() {
            Ok(Hash(secret)) => Ok(Some(NodeKey::new(Key(secret)))),
            Err(_) => Err(Failure::usage(format!(
                "{} is not a node's key (64 hex digits); move it away, and the node makes another one and gets another id",
                path.display()
            ))),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io("cannot read", &path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_is_nobody_else_s_to_read() {
        let folder = std::env::temp_dir().join(format!("tussock-node-key-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(read(&folder).unwrap().is_none());
        let made = load(&folder).unwrap();
        assert_eq!(load(&folder).unwrap().id(), made.id());
        let path = folder.join(datadir::NODE_KEY);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "nonsense").unwrap();
        assert!(load(&folder).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
