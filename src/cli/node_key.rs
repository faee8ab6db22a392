//! The file of a node's key: 32 secret bytes as hex, made at the first start.

use std::{io::ErrorKind, path::Path};

use tussock_noise::Key;

use crate::{
    base::hash::{Hash, hex},
    cli::{
        datadir,
        exit::{Failure, Outcome},
    },
    node::node_key::NodeKey,
    store::small_file,
};

/// Bytes of a file that is read: more than a key with a line's end.
const MOST_BYTES: usize = 256;

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
    let no_key = |what: &str| {
        let advice = "move it away, and the node makes another one and gets another id";
        Failure::usage(format!("{} {what}; {advice}", path.display()))
    };
    match small_file::read_bytes(&path, MOST_BYTES) {
        Ok(bytes) => match str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok()) {
            Some(Hash(secret)) => Ok(Some(NodeKey::new(Key(secret)))),
            None => Err(no_key("is not a node's key (64 hex digits)")),
        },
        Err(error) if error.kind() == ErrorKind::NotFound && path.is_symlink() => {
            Err(no_key("is a link to a file that is missing (is its drive mounted?)"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::Other => Err(no_key("is not a node's key (64 hex digits)")),
        Err(error) => Err(Failure::io("cannot read", &path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;
    use crate::cli::exit::Exit;

    #[test]
    fn the_key_is_made_once_and_is_nobody_else_s_to_read() {
        let folder = std::env::temp_dir().join(format!("tussock-node-key-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(read(&folder).unwrap().is_none());
        let made = load(&folder).unwrap();
        assert_eq!(load(&folder).unwrap().id(), made.id());
        let path = folder.join(datadir::NODE_KEY);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for bad in [&b"nonsense"[..], &[0xff; 64], &[b'0'; 1000]] {
            fs::write(&path, bad).unwrap();
            let refused = load(&folder).err().unwrap();
            assert!(refused.exit == Exit::Usage && refused.message.contains("move it away"), "{refused:?}");
        }
        // Another key would take its place, and the drive that has the right one is only not there yet.
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(folder.join("elsewhere"), &path).unwrap();
        assert!(load(&folder).err().unwrap().message.contains("missing"));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(load(&folder).is_err(), "nor anything that is no file");
        fs::remove_dir_all(folder).unwrap();
    }
}
