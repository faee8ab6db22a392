use std::{env, fs, path::PathBuf, process};

use super::{
    chain::{chain_of, chains_in},
    error::ConfigError,
    flags::{CommonFlags, NodeFlags},
    home::HomeVariables,
    settings::{Settings, Sources},
    variables::check_variables,
};

/// A folder of this test's own, empty.
fn folder(name: &str) -> PathBuf {
    let path = env::temp_dir().join(format!("tussock-config-{}-{name}", process::id()));
    drop(fs::remove_dir_all(&path));
    fs::create_dir_all(&path).unwrap();
    path
}

fn load(common: &CommonFlags, node: &NodeFlags) -> Result<Settings, ConfigError> {
    let home = HomeVariables { xdg: None, home: Some("/home/ann".into()) };
    Sources::load_with(common, node, &home)?.settings()
}

#[test]
fn the_default_data_directory_follows_xdg() {
    let dir = |xdg: Option<&str>, home: Option<&str>| {
        HomeVariables { xdg: xdg.map(Into::into), home: home.map(Into::into) }.data_dir()
    };
    assert_eq!(dir(Some("/data"), Some("/home/a")), Some("/data/tussock".into()));
    assert_eq!(dir(Some("relative"), Some("/home/a")), Some("/home/a/.local/share/tussock".into()));
    assert_eq!(dir(None, None), None);
    assert_eq!([dir(None, Some("")), dir(Some(""), Some("relative"))], [None, None]);
}

#[test]
fn flags_override_the_file_and_the_file_overrides_the_defaults() {
    let dir = folder("precedence");
    fs::write(dir.join("config.toml"), "chain = \"dev\"\nmine_rate = 7\nmax_inbound = 3\n").unwrap();
    let common = CommonFlags { data_dir: Some(dir.clone()), ..CommonFlags::default() };
    let flags = NodeFlags { max_inbound: Some(9), ..NodeFlags::default() };
    let settings = load(&common, &flags).unwrap();
    assert_eq!((settings.spec.name.as_str(), settings.log.as_str()), ("dev", "info"));
    assert_eq!((settings.node.mine_rate, settings.node.max_inbound), (Some(7), Some(9)));
    assert_eq!(settings.chain_dir(), dir.join("dev"));

    let named = dir.join("named.toml");
    fs::write(&named, "log = \"warn\"\n").unwrap();
    let common = CommonFlags { config: Some(named), chain: Some("local".into()), ..common };
    let settings = load(&common, &NodeFlags::default()).unwrap();
    // The named file takes the place of the one in the data directory.
    assert_eq!((settings.log.as_str(), settings.node.mine_rate), ("warn", None));
    assert!(settings.chain_is_named);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_chain_that_a_file_names_is_complained_of_with_the_file() {
    let dir = folder("chain-of-a-file");
    fs::write(dir.join("config.toml"), "chain = \"lcoal\"\n").unwrap();
    let common = CommonFlags { data_dir: Some(dir.clone()), ..CommonFlags::default() };
    let told = load(&common, &NodeFlags::default()).unwrap_err().to_string();
    assert!(told.contains("unknown chain \"lcoal\"") && told.contains("config.toml"), "{told}");
    let common = CommonFlags { chain: Some("lcoal".to_owned()), ..common };
    let told = load(&common, &NodeFlags::default()).unwrap_err().to_string();
    assert!(!told.contains("config.toml"), "a flag goes before it: {told}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_named_file_may_move_the_data_directory_and_must_exist() {
    let dir = folder("named");
    let named = dir.join("node.toml");
    fs::write(&named, "data_dir = \"/srv/tussock\"\n").unwrap();
    let common = CommonFlags { config: Some(named.clone()), ..CommonFlags::default() };
    assert_eq!(load(&common, &NodeFlags::default()).unwrap().data_dir, PathBuf::from("/srv/tussock"));
    fs::rename(&named, dir.join("config.toml")).unwrap();
    assert!(load(&common, &NodeFlags::default()).unwrap_err().to_string().contains("cannot read"));
    let common = CommonFlags { data_dir: Some(dir.clone()), ..CommonFlags::default() };
    assert!(load(&common, &NodeFlags::default()).unwrap_err().to_string().contains("data_dir"));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_chain_is_a_name_or_a_file_and_a_misspelt_name_gets_a_suggestion() {
    let dir = folder("spec");
    let problem = |name: &str| chain_of(name, &dir).unwrap_err().to_string();
    assert!(chain_of("local", &dir).is_ok() && chain_of("dev", &dir).is_ok());
    assert_eq!(problem("lcoal"), "unknown chain \"lcoal\"; did you mean \"local\"?");
    assert!(problem("./nowhere.toml").contains("./nowhere.toml"));
    let path = dir.join("x.toml");
    fs::write(&path, "name = \"x\"\ncolour = 3\n").unwrap();
    let text = problem(path.to_str().unwrap());
    assert!(text.contains("line 2") && text.contains("colour") && !text.contains('\n'), "{text}");
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn chains_of_a_data_directory_are_found_by_their_files() {
    let dir = folder("chains");
    assert_eq!(chains_in(&dir), [""; 0]);
    for place in ["local/keys", "dev/logs", "meadow", "old", "notes/keys"] {
        fs::create_dir_all(dir.join(place)).unwrap();
    }
    fs::write(dir.join("meadow/chain.toml"), "").unwrap();
    fs::write(dir.join("old/ledger.db"), "").unwrap();
    assert_eq!(chains_in(&dir), ["local", "meadow", "old"]);
    assert!(chain_of("old", &dir).unwrap_err().to_string().contains("--chain FILE"));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn misspelt_variables_get_a_suggestion_and_foreign_ones_are_ignored() {
    let check = |names: &[&str]| check_variables(names.iter().map(Into::into));
    assert!(check(&["PATH", "TUSSOCK_LISTEN", "TUSSOCK_CLUSTER_DIR", "TUSSOCK_SOMETHING_ELSE"]).is_ok());
    let told = check(&["TUSSOCK_DATADIR"]).unwrap_err().to_string();
    assert_eq!(told, "unknown variable TUSSOCK_DATADIR; did you mean TUSSOCK_DATA_DIR?");
}

#[test]
fn names_for_the_host_field_are_names() {
    let problem = |name: &str| NodeFlags { http_name: Some(vec![name.to_owned()]), ..NodeFlags::default() }.problem();
    for name in ["node.example", "NODE-1", "my_container", "10.0.0.1", "[fe80::1]", "fe80::1", ""] {
        assert_eq!(problem(name), None);
    }
    for name in ["http://node.example", "node.example:3030", "node.example/", "a b", "*"] {
        let (key, problem) = problem(name).unwrap();
        assert_eq!(
            (key, problem),
            (
                "http_name",
                format!("\"{name}\" is no host name; write it without http:// and port, such as node.example")
            )
        );
    }
}
