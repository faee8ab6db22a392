//! Who has the chain file and any processor, and no authority's key: all that he can send to those who seal.
//!
//! He is another machine. So his links come from addresses that are not the own host's, which on a test chain pays for nothing; and
//! at full scale his threads have one core, and the nodes with their users' programs the other, before the attack as during it.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use tussock::{
    chain::{
        key::SecretKey,
        seal::{Certificate, SignedVote, Statement, Votes, proposal_hash},
        spec::ChainSpec,
        testkit::BlockMaker,
    },
    wire::message::Message,
};

use crate::support::{
    attack::{count, full, memory, record},
    peer::RawPeer,
    processor::{Cores, processor_time, thread_times},
    sealed_network::Network,
};

/// How long a link is tried.
const PATIENCE: Duration = Duration::from_secs(5);
/// Views for which the intruder signs. Those of the attack are among them.
const VIEWS: u64 = 500;

/// What an intruder has done.
#[derive(Default)]
struct Deeds {
    dials: AtomicU64,
    links: AtomicU64,
    messages: AtomicU64,
}

impl Deeds {
    fn text(&self, time: Duration) -> String {
        let rate = |count: &AtomicU64| count.load(Relaxed) as f64 / time.as_secs_f64();
        let (dials, links, messages) = (rate(&self.dials), rate(&self.links), rate(&self.messages));
        format!("{dials:.0} dials, {links:.0} links and {messages:.0} messages a second")
    }
}

/// One link after the other to an authority, over which goes all that an authority says, signed by another key. Each ends as soon as
/// the node has had enough. `source`: from which address the link of a number comes.
fn intrude(
    node: SocketAddr,
    spec: &Arc<ChainSpec>,
    source: impl Fn(u64) -> Ipv4Addr,
    (ends, deeds): (&AtomicBool, &Deeds),
) {
    let (key, genesis) = (SecretKey::from_seed([77; 32]), spec.genesis_hash());
    let block = BlockMaker::new(Arc::clone(spec)).next_block(Vec::new(), key.address());
    let proposal =
        Message::Proposal { signature: key.sign(&proposal_hash(&genesis, &block.hash)), block: block.bytes.clone() };
    while !ends.load(Relaxed) {
        let source = source(deeds.dials.fetch_add(1, Relaxed));
        let link =
            RawPeer::try_connect_from(source, node, spec, PATIENCE).and_then(|link| link.try_handshake(PATIENCE));
        let Some(mut link) = link else { continue };
        deeds.links.fetch_add(1, Relaxed);
        for view in (1..VIEWS).cycle() {
            let statement = Statement::notarise(0, view, block.hash);
            let certificate = Certificate { statement, votes: Votes::default() };
            let vote = |statement| Message::Vote(SignedVote::sign(statement, (view % 4) as u8, 1, &key, &genesis));
            let told = [vote(statement), vote(Statement::skip(0, view)), Message::Certificate(Box::new(certificate))];
            told.iter().chain([&proposal]).for_each(|one| link.send(one));
            deeds.messages.fetch_add(4, Relaxed);
            if ends.load(Relaxed) || !link.skim() {
                break;
            }
        }
    }
}

/// How payments fared in a phase.
struct Phase {
    /// Until each was final, ascending.
    times: Vec<Duration>,
    took: Duration,
    /// Of one core, in percent, that the nodes have taken.
    load: f64,
    /// Of the nodes' threads by their names, those that took most, in percent of one core.
    busiest: String,
}

impl Phase {
    fn text(&self) -> String {
        let (median, most) = (self.times[self.times.len() / 2], self.times[self.times.len() - 1]);
        format!("{} ms, at most {} ms, {:.0} % of a core", median.as_millis(), most.as_millis(), self.load)
    }
}

fn by_thread(network: &Network) -> BTreeMap<String, Duration> {
    let mut sums = BTreeMap::new();
    for (name, time) in network.nodes.iter().flat_map(|node| thread_times(node.pid())) {
        *sums.entry(name).or_default() += time;
    }
    sums
}

/// Pays so often.
fn pay(network: &Network, payments: usize) -> Phase {
    let load = || network.nodes.iter().map(|node| processor_time(node.pid())).sum::<Duration>();
    let (start, before, threads) = (Instant::now(), load(), by_thread(network));
    let mut times: Vec<_> =
        (0..payments).map(|number| network.final_after(number % network.nodes.len(), 1).1).collect();
    let took = start.elapsed();
    let percent = |time: Duration| 100.0 * time.as_secs_f64() / took.as_secs_f64();
    let grown = by_thread(network).into_iter().map(|(name, time)| {
        let before = threads.get(&name).copied().unwrap_or_default();
        (time.saturating_sub(before), name)
    });
    let mut grown: Vec<_> = grown.collect();
    grown.sort_unstable_by(|one, other| other.cmp(one));
    let busiest: Vec<String> =
        grown.iter().take(8).map(|(time, name)| format!("{name} {:.1}", percent(*time))).collect();
    times.sort_unstable();
    Phase { times, took, load: percent(load().saturating_sub(before)), busiest: busiest.join(", ") }
}

/// Pays beside intruders, each against another node.
fn pay_beside(
    network: &Network,
    payments: usize,
    cores: Option<Cores>,
    source: impl Fn(usize, u64) -> Ipv4Addr + Copy + Send + 'static,
) -> (Phase, String) {
    let (ends, deeds) = (Arc::new(AtomicBool::new(false)), Arc::new(Deeds::default()));
    let intruders: Vec<_> = (0..count(2, 4))
        .map(|number| {
            let (ends, deeds, spec) = (Arc::clone(&ends), Arc::clone(&deeds), Arc::clone(&network.spec));
            let node = network.nodes[number % 4].p2p();
            thread::spawn(move || {
                cores.into_iter().for_each(Cores::attack);
                intrude(node, &spec, |dial| source(number, dial), (&ends, &deeds));
            })
        })
        .collect();
    let beside = pay(network, payments);
    ends.store(true, Relaxed);
    intruders.into_iter().for_each(|intruder| intruder.join().unwrap());
    let text = deeds.text(beside.took);
    assert!(deeds.links.load(Relaxed) > 0 && deeds.messages.load(Relaxed) > 0, "{text}");
    (beside, text)
}

#[test]
fn who_has_the_chain_file_and_no_key_makes_no_block_and_slows_down_none() {
    let mut network = Network::up(4);
    let payments = count(3, 60);
    let pids: Vec<u32> = network.nodes.iter().map(|node| node.pid()).collect();
    let parted = if full() { Cores::part(&pids) } else { Err("not at full scale".to_owned()) };
    let cores = parted.as_ref().ok().copied();
    network.pay_finally(0, 1);
    let before = pay(&network, payments);
    let (one, of_one) = pay_beside(&network, payments, cores, |_, _| Ipv4Addr::new(127, 66, 6, 6));
    // Each link from another address, in 64 networks.
    let anywhere = |_, dial: u64| {
        let [high, low] = ((dial / 64) as u16).to_be_bytes();
        Ipv4Addr::new(127, 64 + (dial % 64) as u8, high, low)
    };
    let (many, of_many) = pay_beside(&network, payments, cores, anywhere);
    let after = pay(&network, payments);

    let heights: Vec<u64> =
        network.nodes.iter().map(|node| node.status()["final"]["height"].as_u64().unwrap()).collect();
    let peak = network.nodes.iter().map(|node| memory(node.pid(), "VmHWM:")).max().unwrap_or(0);
    let how = parted.map_or_else(|why| format!("on shared cores ({why})"), |_| "on cores of their own".to_owned());
    record(&format!(
        "messages of a foreign key to four authorities, {how}: {of_one} from one address; {of_many} from any address | {payments} \
         payments final after (median) {} before, {} beside the one, {} beside the other, {} afterwards; {:.1} MB at most",
        before.text(),
        one.text(),
        many.text(),
        after.text(),
        peak as f64 / 1024.0,
    ));
    for (name, phase) in [("before", &before), ("one address", &one), ("any address", &many), ("after", &after)] {
        println!("threads, % of a core, {name}: {}", phase.busiest);
    }
    assert_eq!(heights, [1 + 4 * payments as u64; 4], "each payment's block alone was made");
    for node in &mut network.nodes {
        assert!(node.alive(), "{}", node.log());
        assert_eq!(node.status()["sealing"]["lying"], 0, "no authority is taken for a liar");
    }
}
