//! `seals.db`: what authorities have signed, first of all this node's own. A node that forgets what it has signed may sign
//! what excludes it, so a damaged file is never replaced without a word.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, Row};

use crate::{
    base::{
        codec::{self, Decode},
        hash::Hash,
    },
    chain::{
        archive::{SealRecord, SealStore, StoreError},
        seal::{AuthoritySet, Certificate, DoubleProposal, Epoch, SignedVote, Stage, Statement},
        spec::ChainSpec,
    },
    store::{
        check,
        connect::{self, SMALL_CACHE_BYTES, SMALL_CHECKPOINT_PAGES, SMALL_LOG_BYTES, Tuning},
        error::corrupt,
        migrate, quarantine, rows,
    },
};

/// The writer of `seals.db`. A vote is on the disk when the call returns, and so is the certificate of a notarised block;
/// other certificates are once the next vote is.
#[derive(Debug)]
pub struct SealDb {
    connection: Connection,
}

impl SealDb {
    /// Opens the file, or creates one, and checks everything in it, signatures included. An error leaves the file as it is.
    pub fn open(path: &Path, spec: &ChainSpec) -> Result<Self, StoreError> {
        let mut connection = connect::open_file(path)?;
        migrate::SEALS.check(&connection)?;
        let tuning = Tuning {
            cache_bytes: SMALL_CACHE_BYTES,
            checkpoint_pages: SMALL_CHECKPOINT_PAGES,
            log_bytes: SMALL_LOG_BYTES,
        };
        connect::tune_writer(&connection, tuning)?;
        migrate::SEALS.migrate(&mut connection)?;
        check::quick(&connection)?;
        let genesis = spec.genesis_hash();
        let sql = "INSERT INTO meta (name, value) VALUES ('genesis', ?1) ON CONFLICT (name) DO NOTHING";
        rows::run(&connection, sql, [genesis.0.as_slice()])?;
        let sql = "SELECT value FROM meta WHERE name = 'genesis'";
        let found = rows::one(&connection, sql, [], |row| rows::bytes(row, 0))?.map(Hash);
        if found != Some(genesis) {
            return Err(StoreError::Mismatch(
                "the file has the votes of another chain; use another --data-dir, or the right --chain".to_owned(),
            ));
        }
        let mut store = Self { connection };
        check_record(&store.load()?, spec)?;
        Ok(store)
    }

    /// Fails if the votes in it are another key's than this. Whose file was lost or swapped must not sign as if nothing were.
    pub fn require_owner(&mut self, spec: &ChainSpec, public_key: &[u8; 32]) -> Result<(), StoreError> {
        let is_own = |vote: &SignedVote| {
            let keys = spec.authorities.of(vote.statement.epoch).map(AuthoritySet::keys).unwrap_or_default();
            keys.get(usize::from(vote.signer)) == Some(public_key)
        };
        match self.load()?.own_votes.iter().all(is_own) {
            true => Ok(()),
            false => Err(StoreError::Mismatch(
                "the file has the votes of another key; if this machine has a new key, which has never sealed, move the file away \
                 and keep it, with its -wal and -shm; else put this key's own file in its place"
                    .to_owned(),
            )),
        }
    }

    /// Renames a file that cannot be used, and creates an empty one. For nodes that have signed nothing. Returns where the
    /// old one is.
    pub fn replace(path: &Path, spec: &ChainSpec) -> Result<(Self, PathBuf), StoreError> {
        let aside = quarantine::quarantine(path).map_err(|error| StoreError::Io(error.to_string()))?;
        Ok((Self::open(path, spec)?, aside))
    }

    /// Whether the votes are here by which this block counts in this view.
    fn has_notarised(&self, Statement { view, block, .. }: &Statement) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM certificates WHERE (view, stage, block) = (?1, ?2, ?3)";
        let parameters = (view.cast_signed(), Stage::Notarise as u8, block.0.as_slice());
        Ok(rows::one(&self.connection, sql, parameters, |_| Ok(()))?.is_some())
    }
}

impl SealStore for SealDb {
    fn load(&mut self) -> Result<SealRecord, StoreError> {
        let db = &self.connection;
        let sql = "SELECT stage, view, vote FROM own_votes ORDER BY view, stage";
        let own_votes = rows::all(db, sql, [], own_vote)?;
        let sql = "SELECT certificate FROM certificates ORDER BY view, stage, block";
        let certificates = rows::all(db, sql, [], |row| decode(row, 0))?;
        let sql = "SELECT first, second FROM evidence ORDER BY epoch, signer";
        let evidence = rows::all(db, sql, [], |row| Ok((decode(row, 0)?, decode(row, 1)?)))?;
        let sql = "SELECT epoch, signer, stage, view, vote FROM heard_votes ORDER BY epoch, signer, stage";
        let heard = rows::all(db, sql, [], heard_vote)?;
        let sql = "SELECT signer, proof FROM double_proposals ORDER BY epoch, signer";
        let double_proposals = rows::all(db, sql, [], |row| decode(row, 1))?;
        let sql = "SELECT epoch, view FROM own_proposal";
        let place = |row: &Row<'_>| Ok((rows::integer(row, 0)?, row.get::<_, i64>(1)?.cast_unsigned()));
        let proposed = rows::one(db, sql, [], place)?;
        Ok(SealRecord { own_votes, certificates, heard, evidence, double_proposals, proposed })
    }

    fn keep_vote(&mut self, vote: &SignedVote) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO own_votes (stage, view, vote) VALUES (?1, ?2, ?3)";
        let statement = &vote.statement;
        connect::set_durable(&self.connection, true)?;
        let parameters = (statement.stage as u8, statement.view.cast_signed(), codec::encode(vote));
        rows::run(&self.connection, sql, parameters)?;
        connect::set_durable(&self.connection, false)
    }

    fn keep_heard(&mut self, votes: &[SignedVote]) -> Result<(), StoreError> {
        let Some(epoch) = votes.iter().map(|vote| vote.statement.epoch).max() else { return Ok(()) };
        let transaction = self.connection.transaction()?;
        rows::run(&transaction, "DELETE FROM heard_votes WHERE epoch < ?1", [epoch])?;
        let sql = "INSERT OR REPLACE INTO heard_votes (epoch, signer, stage, view, vote) VALUES (?1, ?2, ?3, ?4, ?5)";
        for vote in votes {
            let Statement { epoch, stage, view, .. } = vote.statement;
            let parameters = (epoch, vote.signer, stage as u8, view.cast_signed(), codec::encode(vote));
            rows::run(&transaction, sql, parameters)?;
        }
        Ok(transaction.commit()?)
    }

    fn keep_certificate(&mut self, certificate: &Certificate) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO certificates (view, stage, block, certificate) VALUES (?1, ?2, ?3, ?4)";
        let statement = &certificate.statement;
        let (view, block) = (statement.view.cast_signed(), statement.block.0.as_slice());
        let parameters = (view, statement.stage as u8, block, codec::encode(certificate));
        // The ledger stores a block only once what first shows that it counts is on the disk.
        let is_durable = statement.stage != Stage::Skip && !self.has_notarised(statement)?;
        connect::set_durable(&self.connection, is_durable)?;
        rows::run(&self.connection, sql, parameters)?;
        connect::set_durable(&self.connection, false)
    }

    fn forget_below(&mut self, view: u64, held: Option<Hash>) -> Result<(), StoreError> {
        let sql = "DELETE FROM certificates WHERE view < ?1 AND NOT (stage = ?2 AND block = ?3)";
        let held = held.map_or(Vec::new(), |hash| hash.0.to_vec());
        rows::run(&self.connection, sql, (view.cast_signed(), Stage::Finalize as u8, held)).map(|_| ())
    }

    fn keep_evidence(&mut self, (first, second): &(SignedVote, SignedVote)) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO evidence (epoch, signer, first, second) VALUES (?1, ?2, ?3, ?4)";
        let parameters = (first.statement.epoch, first.signer, codec::encode(first), codec::encode(second));
        rows::run(&self.connection, sql, parameters).map(|_| ())
    }

    fn keep_double_proposal(&mut self, signer: u8, proof: &DoubleProposal) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO double_proposals (epoch, signer, proof) VALUES (?1, ?2, ?3)";
        rows::run(&self.connection, sql, (proof.epoch, signer, codec::encode(proof))).map(|_| ())
    }

    fn keep_proposed(&mut self, epoch: Epoch, view: u64) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO own_proposal (one, epoch, view) VALUES (1, ?1, ?2)";
        rows::run(&self.connection, sql, (epoch, view.cast_signed())).map(|_| ())
    }

    fn own_vote(&self, stage: Stage) -> Result<Option<SignedVote>, StoreError> {
        rows::one(&self.connection, "SELECT stage, view, vote FROM own_votes WHERE stage = ?1", [stage as u8], own_vote)
    }
}

/// A bit that has flipped on the disk is in no checksum of SQLite's, but every signature would show it.
fn check_record(record: &SealRecord, spec: &ChainSpec) -> Result<(), StoreError> {
    let genesis = spec.genesis_hash();
    let evidence = record.evidence.iter().flat_map(|(first, second)| [first, second]);
    let votes = record.own_votes.iter().chain(&record.heard).chain(evidence);
    let certified = record.certificates.iter().map(|certificate| certificate.statement.epoch);
    let mut epochs = votes.map(|vote| vote.statement.epoch).chain(certified);
    if let Some(epoch) = epochs.find(|epoch| spec.authorities.of(*epoch).is_none()) {
        return Err(StoreError::Mismatch(format!(
            "the file has votes of set {epoch} of authorities, which the chain's file lacks; get the newer file of whoever \
             changed the authorities"
        )));
    }
    let holds = |vote: &SignedVote| {
        let set = spec.authorities.of(vote.statement.epoch);
        set.is_some_and(|set| set.holds(&genesis, vote))
    };
    if !record.own_votes.iter().all(holds) {
        return Err(corrupt("a vote of this node's own is not what was signed"));
    }
    if !record.heard.iter().all(holds) {
        return Err(corrupt("a vote of another authority is not what was signed"));
    }
    let certifies = |certificate: &Certificate| {
        let set = spec.authorities.of(certificate.statement.epoch);
        set.is_some_and(|set| set.certifies(&genesis, certificate))
    };
    if !record.certificates.iter().all(certifies) {
        return Err(corrupt("a certificate is not what was signed"));
    }
    let is_lie = |proof: &DoubleProposal| proof.liar(&genesis, &spec.authorities).is_some();
    let holds = |(first, second): &(SignedVote, SignedVote)| holds(first) && holds(second);
    match record.evidence.iter().all(holds) && record.double_proposals.iter().all(is_lie) {
        true => Ok(()),
        false => Err(corrupt("the proof that an authority has lied is not what was signed")),
    }
}

/// The next vote of a stage takes the place of the last one, which it must find.
fn own_vote(row: &Row<'_>) -> Result<SignedVote, StoreError> {
    let vote: SignedVote = decode(row, 2)?;
    let (stage, view): (i64, i64) = (row.get(0)?, row.get(1)?);
    if (stage, view) != (vote.statement.stage as i64, vote.statement.view.cast_signed()) {
        return Err(corrupt("a vote of this node's own stands in the place of another"));
    }
    Ok(vote)
}

fn heard_vote(row: &Row<'_>) -> Result<SignedVote, StoreError> {
    let vote: SignedVote = decode(row, 4)?;
    let Statement { epoch, stage, view, .. } = vote.statement;
    let place: (u32, u8, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
    if place != (epoch, vote.signer, stage as i64, view.cast_signed()) {
        return Err(corrupt("a vote of another authority stands in the place of another"));
    }
    Ok(vote)
}

fn decode<T: Decode<()>>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    let bytes: Vec<u8> = row.get(column)?;
    codec::decode(&bytes).map_err(|error| corrupt(error.to_string()))
}

/// The same in memory, for simulations and tests of threads. Clones share what they keep, so that it outlives the role that
/// writes it.
#[derive(Clone, Debug, Default)]
pub struct SealMemory {
    record: Arc<Mutex<SealRecord>>,
}

impl SealMemory {
    /// With this in it, as after a restart from an older disk.
    pub fn new(record: SealRecord) -> Self {
        Self { record: Arc::new(Mutex::new(record)) }
    }

    /// A copy of what it has now.
    pub fn record(&self) -> SealRecord {
        self.lock().clone()
    }

    /// The newest own votes.
    pub fn own_votes(&self) -> Vec<SignedVote> {
        self.lock().own_votes.clone()
    }

    fn lock(&self) -> MutexGuard<'_, SealRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SealStore for SealMemory {
    fn load(&mut self) -> Result<SealRecord, StoreError> {
        Ok(self.record())
    }

    fn keep_vote(&mut self, vote: &SignedVote) -> Result<(), StoreError> {
        let votes = &mut self.lock().own_votes;
        votes.retain(|other| other.statement.stage != vote.statement.stage);
        votes.push(*vote);
        votes.sort_unstable_by_key(|vote| (vote.statement.view, vote.statement.stage));
        Ok(())
    }

    fn keep_heard(&mut self, votes: &[SignedVote]) -> Result<(), StoreError> {
        let Some(epoch) = votes.iter().map(|vote| vote.statement.epoch).max() else { return Ok(()) };
        let key = |vote: &SignedVote| (vote.statement.epoch, vote.signer, vote.statement.stage);
        let heard = &mut self.lock().heard;
        heard.retain(|kept| kept.statement.epoch >= epoch && !votes.iter().any(|vote| key(vote) == key(kept)));
        heard.extend(votes);
        heard.sort_unstable_by_key(key);
        Ok(())
    }

    fn keep_certificate(&mut self, certificate: &Certificate) -> Result<(), StoreError> {
        let key = |certificate: &Certificate| {
            let statement = certificate.statement;
            (statement.view, statement.stage, statement.block)
        };
        let certificates = &mut self.lock().certificates;
        match certificates.binary_search_by_key(&key(certificate), key) {
            Ok(at) => certificates[at] = certificate.clone(),
            Err(at) => certificates.insert(at, certificate.clone()),
        }
        Ok(())
    }

    fn forget_below(&mut self, view: u64, held: Option<Hash>) -> Result<(), StoreError> {
        let is_held = |said: &Statement| said.stage == Stage::Finalize && Some(said.block) == held;
        self.lock().certificates.retain(|kept| kept.statement.view >= view || is_held(&kept.statement));
        Ok(())
    }

    fn keep_evidence(&mut self, evidence: &(SignedVote, SignedVote)) -> Result<(), StoreError> {
        let key = |(first, _): &(SignedVote, SignedVote)| (first.statement.epoch, first.signer);
        let all = &mut self.lock().evidence;
        if let Err(at) = all.binary_search_by_key(&key(evidence), key) {
            all.insert(at, *evidence);
        }
        Ok(())
    }

    fn keep_double_proposal(&mut self, _: u8, proof: &DoubleProposal) -> Result<(), StoreError> {
        // The role has one of each authority kept.
        self.lock().double_proposals.push(proof.clone());
        Ok(())
    }

    fn keep_proposed(&mut self, epoch: Epoch, view: u64) -> Result<(), StoreError> {
        self.lock().proposed = Some((epoch, view));
        Ok(())
    }

    fn own_vote(&self, stage: Stage) -> Result<Option<SignedVote>, StoreError> {
        Ok(self.lock().own_votes.iter().find(|vote| vote.statement.stage == stage).copied())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        base::hash::hex,
        chain::{
            header::Header,
            key::SecretKey,
            seal::{Authorities, AuthoritySeal, Seal, SignedHeader, Votes, proposal_hash},
        },
        store::testing::TempDir,
    };

    const BLOCK: Hash = Hash([7; 32]);

    /// A chain that the well-known accounts 0 to 3 seal.
    fn spec(name: &str) -> ChainSpec {
        let keys: Vec<String> = (0..4).map(|n| hex(&SecretKey::well_known(n).public_key())).collect();
        ChainSpec::from_toml(&format!(
            "protocol = 2\nname = \"{name}\"\naddress_prefix = \"x\"\ngenesis_time = 1\nblock_time = 5\nsubsidy = 5\n\
             halving_interval = 10\nmaturity = 1\nseal = \"authorities\"\nauthorities = {keys:?}\n"
        ))
        .unwrap()
    }

    fn vote(spec: &ChainSpec, statement: Statement, signer: u8) -> SignedVote {
        SignedVote::sign(statement, signer, 9, &SecretKey::well_known(signer.into()), &spec.genesis_hash())
    }

    fn certificate(spec: &ChainSpec, statement: Statement) -> Certificate {
        let votes = (0..3).map(|signer| (usize::from(signer), vote(spec, statement, signer).vote));
        Certificate { statement, votes: Votes::collect(votes) }
    }

    fn fill(store: &mut dyn SealStore, spec: &ChainSpec) {
        for statement in [
            Statement::notarise(0, 3, BLOCK),
            Statement::finalize(0, 3, BLOCK),
            Statement::skip(0, 5),
            Statement::notarise(0, 4, Hash([8; 32])),
        ] {
            store.keep_vote(&vote(spec, statement, 1)).unwrap();
        }
        for statement in [
            Statement::skip(0, 5),
            Statement::notarise(0, 3, BLOCK),
            Statement::skip(0, 2),
            Statement::finalize(0, 3, BLOCK),
            Statement::skip(0, 5),
        ] {
            store.keep_certificate(&certificate(spec, statement)).unwrap();
        }
        store.forget_below(3, None).unwrap();
        for heard in [vec![Statement::skip(0, 3), Statement::notarise(0, 3, BLOCK)], vec![Statement::skip(0, 4)]] {
            store.keep_heard(&heard.into_iter().map(|said| vote(spec, said, 3)).collect::<Vec<_>>()).unwrap();
        }
        let lie = |view| (vote(spec, Statement::skip(0, view), 2), vote(spec, Statement::finalize(0, view, BLOCK), 2));
        [7, 8].iter().for_each(|view| store.keep_evidence(&lie(*view)).unwrap());
        [(0, 8), (0, 9)].iter().for_each(|(epoch, view)| store.keep_proposed(*epoch, *view).unwrap());
        let signed = |time| {
            let votes = Votes::default();
            let seal = AuthoritySeal { view: 1, next_authorities: Hash::ZERO, parent_view: 0, parent_votes: votes };
            let seal = Seal::Authorities(Box::new(seal));
            let header = Header { height: 1, time, seal, ..spec.genesis.header.clone() };
            let leader = u32::try_from(spec.authorities.at(1).unwrap().leader(1)).unwrap();
            let hash = proposal_hash(&spec.genesis_hash(), &header.hash());
            SignedHeader { signature: SecretKey::well_known(leader).sign(&hash), header }
        };
        let proof = DoubleProposal { epoch: 0, first: signed(1), second: signed(2) };
        store.keep_double_proposal(proof.liar(&spec.genesis_hash(), &spec.authorities).unwrap(), &proof).unwrap();
    }

    #[test]
    fn votes_of_the_next_set_take_the_place_of_those_before_and_the_file_must_know_their_set() {
        let (dir, old) = (TempDir::new(), spec("a"));
        let mut later = spec("a");
        let keys = |spec: &ChainSpec| spec.authorities.at(1).unwrap().keys().to_vec();
        later.authorities = Authorities::new(keys(&old), vec![(9, keys(&old), None)]);
        for mut store in [
            Box::new(SealDb::open(&dir.join("seals.db"), &later).unwrap()) as Box<dyn SealStore>,
            Box::new(SealMemory::default()),
        ] {
            fill(&mut *store, &later);
            store.keep_vote(&vote(&later, Statement::skip(1, 4), 1)).unwrap();
            store.keep_certificate(&certificate(&later, Statement::skip(1, 5))).unwrap();
            store.keep_heard(&[vote(&later, Statement::skip(1, 4), 3)]).unwrap();
            let record = store.load().unwrap();
            let own: Vec<Statement> = record.own_votes.iter().map(|vote| vote.statement).collect();
            assert!(own.contains(&Statement::skip(1, 4)) && !own.contains(&Statement::skip(0, 5)), "{own:?}");
            let skips: Vec<u32> = record
                .certificates
                .iter()
                .filter(|kept| kept.statement.stage == Stage::Skip)
                .map(|kept| kept.statement.epoch)
                .collect();
            assert_eq!((skips, record.epoch()), (vec![1], 0), "the last final block is of the first set");
            assert_eq!(record.heard, [vote(&later, Statement::skip(1, 4), 3)]);
            store.keep_certificate(&certificate(&later, Statement::finalize(1, 7, BLOCK))).unwrap();
            assert_eq!(store.load().unwrap().epoch(), 1);
        }
        let path = dir.join("seals.db");
        assert!(SealDb::open(&path, &later).is_ok());
        let refused = SealDb::open(&path, &old).expect_err("a set that the file lacks");
        assert!(matches!(refused, StoreError::Mismatch(_)) && refused.to_string().contains("set 1"), "{refused}");
    }

    #[test]
    fn the_newest_votes_and_the_certificates_that_matter_come_back() {
        let (dir, spec) = (TempDir::new(), spec("a"));
        let path = dir.join("seals.db");
        fill(&mut SealDb::open(&path, &spec).unwrap(), &spec);
        let record = SealDb::open(&path, &spec).unwrap().load().unwrap();
        let statements = |votes: &[SignedVote]| votes.iter().map(|vote| vote.statement).collect::<Vec<_>>();
        assert_eq!(
            statements(&record.own_votes),
            [Statement::finalize(0, 3, BLOCK), Statement::notarise(0, 4, Hash([8; 32])), Statement::skip(0, 5)]
        );
        assert_eq!(
            record.certificates.iter().map(|one| one.statement).collect::<Vec<_>>(),
            [Statement::notarise(0, 3, BLOCK), Statement::finalize(0, 3, BLOCK), Statement::skip(0, 5)]
        );
        assert_eq!(statements(&record.heard), [Statement::notarise(0, 3, BLOCK), Statement::skip(0, 4)]);
        assert_eq!(record.evidence.len(), 1, "one proof for each");
        assert_eq!(record.evidence[0].0.statement.view, 7);
        assert_eq!((record.proposed, record.double_proposals.len()), (Some((0, 9)), 1));
        let mut memory = SealMemory::default();
        fill(&mut memory, &spec);
        assert_eq!(memory.load(), Ok(record.clone()));
        assert_eq!(SealMemory::new(record.clone()).record(), record);
    }

    #[test]
    fn what_made_a_block_final_is_kept_while_it_is_held() {
        let (dir, spec) = (TempDir::new(), spec("a"));
        for mut store in [
            Box::new(SealDb::open(&dir.join("seals.db"), &spec).unwrap()) as Box<dyn SealStore>,
            Box::new(SealMemory::default()),
        ] {
            let finals = [(3, BLOCK), (5, Hash([8; 32])), (6, Hash([9; 32]))];
            for (view, block) in finals {
                store.keep_certificate(&certificate(&spec, Statement::notarise(0, view, block))).unwrap();
                store.keep_certificate(&certificate(&spec, Statement::finalize(0, view, block))).unwrap();
                store.forget_below(view, Some(BLOCK)).unwrap();
            }
            let record = store.load().unwrap();
            let views = |kept: &Certificate| (kept.statement.view, kept.statement.stage);
            let kept: Vec<_> = record.certificates.iter().map(views).collect();
            assert_eq!(kept, [(3, Stage::Finalize), (6, Stage::Notarise), (6, Stage::Finalize)]);
            assert_eq!(record.earlier_finals(0).map(views).collect::<Vec<_>>(), [(3, Stage::Finalize)]);
            assert_eq!(record.earlier_finals(1).count(), 0);
            store.forget_below(6, None).unwrap();
            assert_eq!(store.load().unwrap().certificates.len(), 2);
        }
    }

    #[test]
    fn a_damaged_or_foreign_file_is_refused_and_left_as_it_is() {
        let spec = spec("a");
        let flip = |path: &Path| {
            let connection = Connection::open(path).unwrap();
            let sql = "SELECT vote FROM own_votes WHERE stage = 1";
            let mut vote: Vec<u8> = connection.query_row(sql, [], |row| row.get(0)).unwrap();
            vote[100] ^= 1;
            connection.execute("UPDATE own_votes SET vote = ?1 WHERE stage = 1", [vote]).unwrap();
        };
        let cut = |path: &Path| {
            let sql = "UPDATE certificates SET certificate = substr(certificate, 1, 100)";
            Connection::open(path).unwrap().execute_batch(sql).unwrap();
        };
        let broken = |path: &Path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[4096..].fill(0xee);
            fs::write(path, bytes).unwrap();
        };
        let garbage = |path: &Path| fs::write(path, [7; 9000]).unwrap();
        let swap = |path: &Path| {
            Connection::open(path).unwrap().execute_batch("UPDATE heard_votes SET signer = 2").unwrap();
        };
        for damage in [&flip as &dyn Fn(&Path), &cut, &swap, &broken, &garbage] {
            let dir = TempDir::new();
            let path = dir.join("seals.db");
            fill(&mut SealDb::open(&path, &spec).unwrap(), &spec);
            damage(&path);
            let problem = SealDb::open(&path, &spec).unwrap_err();
            assert!(matches!(problem, StoreError::Corrupt(_)), "{problem}");
            assert!(SealDb::open(&path, &spec).is_err(), "still");
            let (mut new, aside) = SealDb::replace(&path, &spec).unwrap();
            assert_eq!(new.load(), Ok(SealRecord::default()));
            assert!(aside.ends_with("seals.db.aside-1") && aside.exists());
        }
        let dir = TempDir::new();
        let path = dir.join("seals.db");
        fill(&mut SealDb::open(&path, &spec).unwrap(), &spec);
        let mut own = SealDb::open(&path, &spec).unwrap();
        let owner = |own: &mut SealDb, n| own.require_owner(&spec, &SecretKey::well_known(n).public_key());
        assert_eq!(owner(&mut own, 1), Ok(()));
        assert!(matches!(owner(&mut own, 2), Err(StoreError::Mismatch(_))), "the votes of another key");
        drop(own);
        let other = self::spec("b");
        assert!(matches!(SealDb::open(&path, &other), Err(StoreError::Mismatch(_))));
    }

    /// Bits of the file that are flipped in the test below; each costs opening the file.
    const FLIPS: usize = 1200;

    #[test]
    fn no_flipped_bit_makes_a_node_forget_what_it_has_signed() {
        let (dir, spec) = (TempDir::new(), spec("a"));
        let path = dir.join("seals.db");
        let mut store = SealDb::open(&path, &spec).unwrap();
        fill(&mut store, &spec);
        let own = store.load().unwrap().own_votes;
        drop(store);
        let sound = fs::read(&path).unwrap();
        let mut harmless = 0;
        for at in 0..FLIPS {
            let at = at * sound.len() / FLIPS;
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << (at % 8);
            for file in ["seals.db", "seals.db-wal", "seals.db-shm"] {
                drop(fs::remove_file(dir.join(file)));
            }
            fs::write(&path, bytes).unwrap();
            if let Ok(mut store) = SealDb::open(&path, &spec) {
                assert_eq!(store.load().map(|record| record.own_votes), Ok(own.clone()), "byte {at}");
                harmless += 1;
            }
        }
        assert!(harmless > FLIPS / 4 && harmless < FLIPS, "most of the file is empty: {harmless}");
    }

    /// SQLite waits for the disk at each commit in mode 2, `FULL`.
    #[test]
    fn a_vote_waits_for_the_disk_and_so_does_what_first_shows_that_a_block_counts() {
        let (dir, spec) = (TempDir::new(), spec("a"));
        let mut store = SealDb::open(&dir.join("seals.db"), &spec).unwrap();
        let note = |table| {
            format!(
                "CREATE TEMP TRIGGER of_{table} AFTER INSERT ON main.{table} BEGIN
                   INSERT INTO modes SELECT synchronous FROM pragma_synchronous; END;"
            )
        };
        let sql = format!("CREATE TEMP TABLE modes (mode); {}{}", note("own_votes"), note("certificates"));
        store.connection.pragma_update(None, "trusted_schema", true).unwrap();
        store.connection.execute_batch(&sql).unwrap();
        fill(&mut store, &spec);
        // Finality that came before the votes that notarise its block.
        store.keep_certificate(&certificate(&spec, Statement::finalize(0, 6, BLOCK))).unwrap();
        let modes = rows::all(&store.connection, "SELECT mode FROM modes", [], |row| Ok(row.get::<_, i64>(0)?));
        assert_eq!(modes.unwrap(), [2, 2, 2, 2, 1, 2, 1, 1, 1, 2]);
    }
}
