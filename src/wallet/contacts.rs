//! Names for the addresses of others: `contacts.csv` beside the folder of keys, a name and an address on each line, which people
//! may also write themselves.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    error::{Outcome, WalletError},
    files::{self, Existing},
    names,
    tables::line_of,
};
use crate::{
    base::text::{composed, folded_name},
    chain::{
        address::{Address, AddressError},
        spec::ChainSpec,
    },
};

/// The file in a chain's folder.
pub const FILE: &str = "contacts.csv";
/// Bytes of the file: some 10,000 contacts.
const MAX_BYTES: u64 = 1024 * 1024;
/// The columns' names, in the first line.
const TITLES: [&str; 2] = ["name", "address"];

/// Why nothing is called so.
pub(super) const NAMED_LIKE_AN_ADDRESS: &str = "an address cannot be the name of another; choose another name";

/// Somebody else's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// What its owner calls it.
    pub name: String,
    /// The address.
    pub address: Address,
}

/// The contacts of one chain's folder.
pub struct Contacts<'a> {
    path: PathBuf,
    spec: &'a ChainSpec,
}

impl<'a> Contacts<'a> {
    /// Those in a chain's folder.
    pub fn new(chain_folder: &Path, spec: &'a ChainSpec) -> Self {
        Self { path: chain_folder.join(FILE), spec }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All of them, in the order of the file. A file that is wrong anywhere is refused as a whole: nobody else must be paid.
    pub fn list(&self) -> Outcome<Vec<Contact>> {
        self.parse(&self.read()?).map_err(|problem| self.damaged(&problem))
    }

    fn damaged(&self, problem: &str) -> WalletError {
        WalletError::Damaged(format!("{}: {problem}", self.path.display()))
    }

    /// The file's text; none if there is no file.
    fn read(&self) -> Outcome<String> {
        let failed = |error: io::Error| WalletError::file("cannot read", &self.path, &error);
        match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
            // A pipe would be waited for, and a device never ends.
            Ok(what) if !what.is_file() => return Err(self.damaged("this is no file")),
            _ => {}
        }
        let mut bytes = Vec::new();
        File::open(&self.path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(failed)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(self.damaged(&format!("more than {MAX_BYTES} bytes")));
        }
        String::from_utf8(bytes).map_err(|_| self.damaged("not a text in UTF-8"))
    }

    fn parse(&self, text: &str) -> Result<Vec<Contact>, String> {
        Ok(self.parse_lines(text)?.into_iter().map(|(_, contact)| contact).collect())
    }

    /// Contacts with the numbers of their lines.
    fn parse_lines(&self, text: &str) -> Result<Vec<(u64, Contact)>, String> {
        let mut reader = csv::ReaderBuilder::new();
        reader.has_headers(false).flexible(true).comment(Some(b'#')).trim(csv::Trim::All);
        let text = text.trim_start_matches('\u{feff}');
        let mut contacts: Vec<(u64, Contact)> = Vec::new();
        for (index, record) in reader.from_reader(text.as_bytes()).records().enumerate() {
            let record = record.map_err(|error| format!("not a table: {error}"))?;
            let line = record.position().map_or(0, |start| line_of(text, start));
            let [name, address] = [0, 1].map(|at| record.get(at).unwrap_or_default());
            if index == 0 && [name, address] == TITLES {
                continue;
            }
            let wrong = |problem: String| format!("line {line}: {problem}; mend that line or delete it");
            names::check(name).map_err(|problem| wrong(problem.to_string()))?;
            let address = Address::parse(address, &self.spec.prefix).map_err(|error| {
                let problem = match error {
                    AddressError::Malformed => "not a valid address".to_owned(),
                    other => other.to_string(),
                };
                wrong(format!("{name}: {problem}"))
            })?;
            contacts.push((line, Contact { name: name.to_owned(), address }));
        }
        Ok(contacts)
    }

    /// The address of the contact with this name, however its letters are composed. Nobody is paid whose name means two.
    pub fn find(&self, name: &str) -> Outcome<Option<Address>> {
        let same = self.like(name)?;
        let Some(found) = same.iter().find(|contact| is_exactly(&contact.name, name)) else { return Ok(None) };
        match same.iter().find(|contact| contact.address != found.address) {
            None => Ok(Some(found.address)),
            Some(other) => Err(WalletError::usage(format!(
                "\"{}\" is there twice, with two addresses ({}, {}); name the address, or remove one: \
                 tussock contact remove '{}'",
                names::shown(name),
                found.address.to_text(&self.spec.prefix),
                other.address.to_text(&self.spec.prefix),
                names::shown(&other.name)
            ))),
        }
    }

    /// The contacts that people would take for one of this name: capital letters make no other, nor does `ß` instead of `ss`.
    /// They are several only in a table that was written by hand or by an older program.
    pub fn like(&self, name: &str) -> Outcome<Vec<Contact>> {
        let mut contacts = self.list()?;
        let form = form(name);
        contacts.retain(|contact| self::form(&contact.name) == form);
        Ok(contacts)
    }

    /// Adds a contact. `keys`: names that it must not have.
    pub fn add(&self, name: &str, address: &Address, keys: &[String]) -> Outcome<Contact> {
        names::check(name).and_then(|()| names::check_seen(name)).map_err(WalletError::usage)?;
        if Address::is_like(name, &self.spec.prefix) {
            return Err(WalletError::usage(NAMED_LIKE_AN_ADDRESS));
        }
        let exists = |what: &str, known: &str| {
            let known = names::shown(known);
            WalletError::usage(format!(
                "there is a {what} \"{known}\" already; choose another name, or remove it first"
            ))
        };
        if let Some(key) = keys.iter().find(|key| is_same(key, name)) {
            return Err(exists("key", key));
        }
        let contact = Contact { name: name.to_owned(), address: *address };
        self.edit(|text| {
            let mut contacts = self.parse(text).map_err(|problem| self.damaged(&problem))?;
            if let Some(known) = contacts.iter().find(|contact| is_same(&contact.name, name)) {
                return Err(exists("contact", &known.name));
            }
            contacts.push(contact.clone());
            let added = row([name, &address.to_text(&self.spec.prefix)])?;
            let (before, end) = match text.trim_end_matches('\n') {
                "" => (row(TITLES)?, ""),
                kept => (kept.to_owned(), "\n"),
            };
            Ok(Some((format!("{before}{end}{added}"), contacts)))
        })?;
        Ok(contact)
    }

    /// Removes a contact, which it returns if it was there. Of those that people take for each other, the one with exactly this
    /// spelling.
    pub fn remove(&self, name: &str) -> Outcome<Option<Contact>> {
        let mut removed = None;
        self.edit(|text| {
            let mut contacts = self.parse_lines(text).map_err(|problem| self.damaged(&problem))?;
            let spelled = contacts.iter().position(|(_, contact)| contact.name == name);
            let composed = || contacts.iter().position(|(_, contact)| is_exactly(&contact.name, name));
            // As it is shown, since nobody can type it otherwise.
            let shown = || contacts.iter().position(|(_, contact)| names::shown(&contact.name) == name);
            let Some(at) = spelled.or_else(composed).or_else(shown) else { return Ok(None) };
            let (line, contact) = contacts.remove(at);
            let is_other =
                |(_, other): &&(u64, Contact)| other.name == contact.name && other.address != contact.address;
            if let Some((other, _)) = contacts.iter().find(is_other) {
                let path = self.path.display();
                return Err(WalletError::usage(format!(
                    "\"{name}\" is in lines {line} and {other} of {path}, with two addresses; remove one by hand"
                )));
            }
            let kept = (1..).zip(text.split_inclusive('\n')).filter(|(number, _)| *number != line);
            let left = contacts.into_iter().map(|(_, contact)| contact).collect();
            removed = Some(contact);
            Ok(Some((kept.map(|(_, line)| line).collect(), left)))
        })?;
        Ok(removed)
    }

    /// Changes the file's text, and leaves what people have written beside names and addresses as it is. The change returns the
    /// text and the contacts that must be in it. Whether anything was changed.
    fn edit(&self, mut change: impl FnMut(&str) -> Outcome<Option<(String, Vec<Contact>)>>) -> Outcome<bool> {
        if let Some(folder) = self.path.parent() {
            files::make_folder(folder)?;
        }
        let Some((text, contacts)) = change(&self.read()?)? else { return Ok(false) };
        if text.len() as u64 > MAX_BYTES {
            return Err(WalletError::usage(format!("more contacts than {MAX_BYTES} bytes hold; remove some")));
        }
        // A quote that is open, or a cell of several lines.
        if self.parse(&text) != Ok(contacts) {
            return Err(self.damaged("its last lines are no rows of a table; change it by hand"));
        }
        files::write(&self.path, text.as_bytes(), Existing::Replace).map(|()| true)
    }
}

fn row(cells: [&str; 2]) -> Outcome<String> {
    let failed = || WalletError::Internal("the contacts cannot be written".to_owned());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells).map_err(|_| failed())?;
    let bytes = writer.into_inner().map_err(|_| failed())?;
    String::from_utf8(bytes).map_err(|_| failed())
}

/// The contacts that nobody is paid by, since others that people would take for them have other addresses.
pub fn doubled(contacts: &[Contact]) -> Vec<&Contact> {
    let mut meant: BTreeMap<String, Vec<&Contact>> = BTreeMap::new();
    for contact in contacts {
        meant.entry(form(&contact.name)).or_default().push(contact);
    }
    meant.retain(|_, same| same.windows(2).any(|two| two[0].address != two[1].address));
    meant.into_values().flatten().collect()
}

/// What names have in common that people would take for each other.
pub(super) fn form(name: &str) -> String {
    folded_name(&names::seen(name))
}

/// Names that people would take for each other.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    form(one) == form(other)
}

/// Names that are the same letters.
fn is_exactly(one: &str, other: &str) -> bool {
    composed(one) == composed(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chain::key::SecretKey,
        wallet::{keys::Keys, test_folder::TestFolder},
    };

    #[test]
    fn what_people_wrote_stays() {
        let folder = TestFolder::made("contacts-many");
        let spec = ChainSpec::local();
        let address = |seed: u8| SecretKey::from_seed([seed; 32]).address();
        let text = format!("# friends\nname,address,phone\nAnn,{},\"1, 2\"\n", address(1).to_text(&spec.prefix));
        let text = text.replace("name,address,phone", "name,address");
        fs::write(folder.join(FILE), &text).unwrap();
        let contacts = Contacts::new(&folder, &spec);
        for seed in 10..30 {
            contacts.add(&format!("c{seed}"), &address(seed), &[]).unwrap();
        }
        assert_eq!(contacts.list().unwrap().len(), 21);
        let now = || fs::read_to_string(folder.join(FILE)).unwrap();
        assert!(now().starts_with(&text), "{}", now());
        assert_eq!(contacts.remove("c20").unwrap().unwrap().address, address(20));
        assert_eq!((contacts.list().unwrap().len(), contacts.find("c20")), (20, Ok(None)));
        assert!(now().starts_with(&text) && !now().contains("c20"));
        let open = format!("{}\"x,{}\n", now(), address(2).to_text(&spec.prefix));
        fs::write(folder.join(FILE), &open).unwrap();
        assert!(contacts.add("new", &address(3), &[]).is_err());
        assert_eq!(now(), open, "a table that is damaged is left as it is");
    }

    #[test]
    fn contacts_are_kept_in_a_table_and_have_no_name_of_a_key() {
        let folder = TestFolder::new("contacts");
        let spec = ChainSpec::local();
        let keys = Keys::new(&folder, &spec);
        let add = |name: &str, address: &Address| keys.add_contact(name, address);
        let contacts = keys.contacts();
        let [one, two] = [20, 21].map(|seed| SecretKey::from_seed([seed; 32]).address());
        assert_eq!((contacts.list(), contacts.find("Ann"), contacts.remove("Ann")), (Ok(vec![]), Ok(None), Ok(None)));
        add("Ann Müller", &one).unwrap();
        add("bob", &two).unwrap();
        assert_eq!((contacts.find("Ann Müller"), keys.address("bob")), (Ok(Some(one)), Ok(two)));
        for taken in ["bob", "BOB", "ann müller", "dev3", "dev³", "ｄev3", "ｂob"] {
            assert!(matches!(add(taken, &one), Err(WalletError::Usage(_))), "{taken}");
        }
        let key = SecretKey::from_seed([9; 32]);
        assert!(matches!(keys.add("bob", &key, None), Err(WalletError::Exists { .. })));
        assert!(matches!(keys.watch("bob", &one), Err(WalletError::Exists { .. })));
        keys.add("till", &key, None).unwrap();
        assert!(add("Till", &one).is_err());
        for wrong in ["", "-x", "a=b", "a,b", "a\nb", " a", "=1", "all", "\u{202e}x", "ab\u{200b}c", &"x".repeat(65)] {
            assert!(add(wrong, &one).is_err(), "{wrong}");
        }
        let address = one.to_text(&spec.prefix);
        for name in [&address, &format!("{address}q"), &address[..40]] {
            let error = add(name, &two).unwrap_err().to_string();
            assert!(error.contains("an address cannot be the name"), "{name}: {error}");
        }
        assert_eq!((contacts.remove("bob").unwrap().is_some(), contacts.list().unwrap().len()), (true, 1));

        // A key that came from elsewhere has the name of a contact: nobody is paid by that name.
        keys.add("taken", &key, None).unwrap();
        for name in ["bob.json", "Bob.json", "BOB.json"] {
            contacts.remove("bob").unwrap();
            add("bob", &two).unwrap();
            fs::copy(keys.path("taken"), folder.join("keys").join(name)).unwrap();
            for text in ["bob", name.trim_end_matches(".json")] {
                let error = keys.address(text).unwrap_err();
                assert!(error.to_string().contains("both a key and a contact"), "{name} {text}: {error}");
            }
            fs::remove_file(folder.join("keys").join(name)).unwrap();
        }
        contacts.remove("bob").unwrap();
        assert!(matches!(keys.add("ANN MÜLLER", &key, None), Err(WalletError::Usage(_))), "no name of a key");

        // As another system writes the same letters, and as another person does.
        assert_eq!(contacts.find("Ann Mu\u{308}ller"), Ok(Some(one)));
        assert!(add("Ann Mu\u{308}ller", &two).is_err() && add("ANN MU\u{308}LLER", &two).is_err());
        add("Jo Weiß", &two).unwrap();
        assert!(add("jo weiss", &one).is_err());
        let error = keys.address("jo weiss").unwrap_err();
        assert!(error.to_string().contains("there is \"Jo Weiß\""), "{error}");
        assert!(contacts.remove("Jo Weiß").unwrap().is_some());

        // Written by hand, and wrongly: then nobody is paid by name.
        let [first, second] = [one, two].map(|address| address.to_text(&spec.prefix));
        let table = format!("\u{feff}# friends\nname,address\nAnn,{first},since school\n\nbob , {second}\n");
        fs::write(contacts.path(), &table).unwrap();
        assert_eq!(contacts.find("bob"), Ok(Some(two)));
        for (wrong, word) in [
            (table.replace(&second, "ltus1x"), "line 5: bob: not a valid address; mend that line or delete it"),
            (table.replace("bob", "ann"), "twice"),
            (table.replace("bob", ""), "cannot name"),
        ] {
            fs::write(contacts.path(), wrong).unwrap();
            let error = keys.address("Ann").unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
            assert_eq!(keys.address(&first), Ok(one), "who is named by the address needs no contacts");
            assert_eq!(keys.address("till"), Ok(key.address()));
        }
    }

    #[test]
    fn a_doubled_name_is_refused_only_where_it_is_used_and_removed_as_it_is_spelled() {
        let folder = TestFolder::made("contacts-doubled");
        let spec = ChainSpec::local();
        let keys = Keys::new(&folder, &spec);
        let contacts = keys.contacts();
        let [one, two] = [20, 21].map(|seed| SecretKey::from_seed([seed; 32]).address());
        let row = |name: &str, address: &Address| format!("{name},{}\n", address.to_text(&spec.prefix));
        let rows =
            [("FRED", one), ("Fred", two), ("Änn", one), ("A\u{308}nn", two), ("zoe", one), ("ZOE", one), ("max", two)];
        let table: String = rows.iter().map(|(name, address)| row(name, address)).collect();
        fs::write(contacts.path(), &table).unwrap();

        let list = contacts.list().unwrap();
        let mut marked: Vec<&str> = doubled(&list).iter().map(|contact| contact.name.as_str()).collect();
        marked.sort_unstable();
        assert_eq!(marked, ["A\u{308}nn", "FRED", "Fred", "Änn"], "who has one address twice is paid there");
        for name in ["FRED", "Fred", "Änn", "A\u{308}nn"] {
            let error = keys.address(name).unwrap_err().to_string();
            assert!(error.contains("twice") && error.contains("contact remove"), "{name}: {error}");
        }
        assert!(keys.address("fred").is_err());
        assert_eq!((keys.address("max"), keys.address("zoe"), keys.address("ZOE")), (Ok(two), Ok(one), Ok(one)));
        contacts.add("new", &one, &[]).unwrap();
        assert!(contacts.add("FrEd", &one, &[]).is_err());
        assert_eq!(contacts.remove("new").unwrap().unwrap().address, one);

        assert_eq!(contacts.remove("fred"), Ok(None));
        assert_eq!(contacts.remove("Fred").unwrap().unwrap().address, two);
        assert_eq!(contacts.remove("A\u{308}nn").unwrap().unwrap().address, two);
        assert_eq!((keys.address("FRED"), keys.address("Änn")), (Ok(one), Ok(one)));
        assert_eq!(contacts.list().unwrap().len(), 5);

        // A table of an older version, with names that look alike.
        fs::write(contacts.path(), row("abc", &one) + &row("ab\u{200b}c", &two)).unwrap();
        for name in ["abc", "ab\u{200b}c"] {
            let error = keys.address(name).unwrap_err().to_string();
            assert!(
                error.contains("twice") && error.contains("ab\\u{200b}c") && !error.contains('\u{200b}'),
                "{error}"
            );
        }
        assert_eq!(doubled(&contacts.list().unwrap()).len(), 2);
        let names: Vec<String> = keys.known().into_values().collect();
        assert!(names.contains(&"abc".to_owned()) && names.contains(&"ab\\u{200b}c".to_owned()), "{names:?}");
        assert_eq!(contacts.remove("ab\\u{200b}c").unwrap().unwrap().address, two, "as it is shown");
        assert_eq!(keys.address("abc"), Ok(one));

        // Nothing says which of them is meant.
        fs::write(contacts.path(), row("max", &one) + &row("max", &two)).unwrap();
        let error = contacts.remove("max").unwrap_err().to_string();
        assert!(error.contains("lines 1 and 2"), "{error}");
    }
}
