//! Tests of the role, with a clock set by hand and a ledger played by the test.

use super::*;
use crate::{
    base::time::UnixTime,
    chain::{block::HashedBlock, key::SecretKey, testkit::BlockMaker},
    node::{
        Action, AnyRole, Event, Notice, Role,
        command::{MinerCommand, Reply},
        hindrance::HindranceId,
        ledger::fake::setup,
        notice::{ToFetch, ToLedger, ToMiner},
    },
};

struct Bench {
    miner: Miner,
    maker: BlockMaker,
    now: Now,
    hashes: u64,
}

fn key(number: u32) -> Address {
    SecretKey::well_known(number).address()
}

impl Bench {
    fn new(spec: ChainSpec, change: impl FnOnce(&mut Setup)) -> Self {
        let spec = Arc::new(spec);
        let mut setup = setup(&spec);
        change(&mut setup);
        let now = Now { mono: Time(1_000_000), unix: UnixTime(spec.parameters.genesis_time + 100) };
        let miner = Miner::new(&setup, Rng::from_number(5));
        let mut bench = Self { miner, maker: BlockMaker::new(spec), now, hashes: 0 };
        bench.event(Event::Start);
        bench.moved(vec![]);
        bench
    }

    fn mining(rate: u64) -> Self {
        let mut bench = Self::new(ChainSpec::local(), |setup| (setup.mine, setup.mine_rate) = (Some(key(1)), rate));
        bench.state(SyncState::Synced);
        bench
    }

    fn event(&mut self, event: Event) -> Vec<Action> {
        let mut out = Outbox::default();
        self.miner.hear(self.now, event, &mut out);
        let actions: Vec<Action> = out.drain().collect();
        self.hashes +=
            actions.iter().map(|a| if let Action::Count(Counter::Hashes, n) = a { *n } else { 0 }).sum::<u64>();
        actions
    }

    fn notice(&mut self, notice: impl Into<Notice>) -> Vec<Action> {
        self.event(Event::Notice(notice.into()))
    }

    fn state(&mut self, state: SyncState) -> Vec<Action> {
        self.notice(ToMiner::State(state))
    }

    fn order(&mut self, ticket: u64, blocks: u32, address: Option<Address>) -> Vec<Action> {
        self.event(Event::Command(Ticket(ticket), MinerCommand::Mine { blocks, address }.into()))
    }

    /// Lets the time jump to the miner's deadline and wakes it.
    fn wake(&mut self) -> Vec<Action> {
        self.now.mono = self.miner.deadline().expect("a deadline").max(self.now.mono);
        self.event(Event::Wake)
    }

    /// What the ledger answers.
    fn template(&self, address: Address, transactions: usize) -> Arc<Template> {
        let (mut header, all) = self.maker.assemble(vec![], address, self.maker.next_time());
        header.merkle_root = crate::chain::merkle::root(vec![all[0].leaf]);
        let body = [&1u32.to_le_bytes()[..], &all[0].transaction.to_bytes()].concat().into();
        Arc::new(Template { min_time: header.time, header, body, transactions })
    }

    fn answer(&mut self, address: Address) -> Vec<Action> {
        let template = self.template(address, 1);
        self.notice(ToMiner::Template(template))
    }

    /// The ledger moved to the maker's tip.
    fn moved(&mut self, added: Vec<(Hash, u32)>) -> Vec<Action> {
        let tip = self.maker.tip();
        self.notice(ToMiner::ChainMoved(Arc::new(ChainMove { tip, removed: vec![], added, news: None })))
    }

    fn apply(&mut self, block: &HashedBlock) -> Vec<Action> {
        self.maker.connect(block);
        self.moved(vec![(block.hash, block.header.height)])
    }

    /// Wakes until a block is found.
    fn find(&mut self) -> HashedBlock {
        loop {
            if let Some(block) = produced(&self.wake()) {
                return block;
            }
        }
    }

    fn pool(&mut self, added: usize, removed: usize) -> Vec<Action> {
        self.notice(ToMiner::PoolChanged { added, removed })
    }
}

fn asked(actions: &[Action]) -> Vec<Address> {
    let mut all = Vec::new();
    for action in actions {
        if let Action::Tell(Notice::Ledger(ToLedger::WantTemplate { address })) = action {
            all.push(*address);
        }
    }
    all
}

fn produced(actions: &[Action]) -> Option<HashedBlock> {
    actions.iter().find_map(|action| match action {
        Action::Tell(Notice::Fetch(ToFetch::Produced { block })) => Some(HashedBlock::decode(block.clone()).unwrap()),
        _ => None,
    })
}

fn replies(actions: &[Action]) -> Vec<(Ticket, Reply)> {
    let mut all = Vec::new();
    for action in actions {
        if let Action::Reply(ticket, reply) = action {
            all.push((*ticket, reply.clone()));
        }
    }
    all
}

#[test]
fn it_mines_only_when_synced_and_configured() {
    let mut idle = Bench::new(ChainSpec::local(), |_| {});
    assert_eq!(asked(&idle.state(SyncState::Synced)), []);
    assert_eq!(idle.miner.deadline(), None);
    let mut bench = Bench::mining(0);
    assert!(matches!(bench.miner.stage, Stage::Asked { .. }));
    assert_eq!(asked(&bench.state(SyncState::Blocks)), []);
    assert!(matches!(bench.miner.stage, Stage::Idle));
    assert_eq!(asked(&bench.state(SyncState::Isolated)), [key(1)], "a test chain's lone node goes on");
    bench.answer(key(1));
    let actions = bench.state(SyncState::Stalled);
    assert!(actions.contains(&Action::Report(Report::Mining { enabled: false, hashes_per_second: 0 })));
    assert_eq!(bench.miner.deadline(), Some(bench.now.mono + limits::MINE_WAIT_TOLD), "only to tell that it waits");
}

#[test]
fn what_it_finds_is_the_template_with_its_work_done_and_a_current_time() {
    let mut bench = Bench::mining(0);
    bench.answer(key(1));
    bench.now.unix.0 += 500;
    let block = bench.find();
    assert!(block.header.has_work(&block.hash));
    assert_eq!(block.header.time, bench.now.unix.0);
    assert_eq!(block.header.previous, bench.maker.hash());
    assert_eq!(asked(&bench.event(Event::Wake)), [], "the block's way to the ledger takes its time");
    assert_eq!(asked(&bench.apply(&block)), [key(1)]);
}

#[test]
fn a_block_that_leads_nowhere_is_given_up_after_a_while() {
    let mut bench = Bench::mining(0);
    bench.answer(key(1));
    bench.find();
    assert_eq!(asked(&bench.wake()), [], "the meter's second");
    bench.now.mono = bench.now.mono + limits::MINE_TIMEOUT;
    assert_eq!(asked(&bench.event(Event::Wake)), [key(1)]);
    bench.now.mono = bench.now.mono + limits::MINE_TIMEOUT;
    assert_eq!(asked(&bench.event(Event::Wake)), [key(1)], "no template came either");
}

#[test]
fn a_new_tip_ends_the_search_and_stale_templates_are_dropped() {
    let mut bench = Bench::mining(0);
    let stale = bench.template(key(1), 0);
    bench.answer(key(1));
    let block = bench.maker.next_block(vec![], key(2));
    assert_eq!(asked(&bench.moved(vec![(block.hash, 1)])), [key(1)]);
    bench.notice(ToMiner::Template(stale));
    assert!(matches!(bench.miner.stage, Stage::Asked { .. }));
    bench.answer(key(2));
    assert!(matches!(bench.miner.stage, Stage::Asked { .. }), "one that pays to somebody else is not ours");
    bench.answer(key(1));
    assert_eq!(bench.find().header.previous, block.hash);
}

#[test]
fn the_throttle_spreads_the_rate_evenly_by_the_clock_it_is_told() {
    let mut spec = ChainSpec::local();
    // Nothing is ever found.
    spec.parameters.target_limit = crate::chain::target::CompactTarget(0x0300_ffff);
    let mut bench = Bench::new(spec, |setup| (setup.mine, setup.mine_rate) = (Some(key(1)), 205));
    bench.state(SyncState::Synced);
    let (mut header, all) = bench.maker.assemble(vec![], key(1), bench.maker.next_time());
    header.proof_mut().unwrap().target = crate::chain::target::CompactTarget(0x0101_0000);
    let body = [&1u32.to_le_bytes()[..], &all[0].transaction.to_bytes()].concat().into();
    bench.notice(ToMiner::Template(Arc::new(Template { min_time: header.time, header, body, transactions: 0 })));
    bench.wake();
    let (start, mut wakes, mut most, mut last, mut rates) = (bench.now.mono, 0, 0, bench.hashes, Vec::new());
    while bench.now.mono.since(start) < Duration::from_secs(10) {
        let actions = bench.wake();
        wakes += 1;
        most = most.max(bench.hashes - last);
        last = bench.hashes;
        rates.extend(actions.iter().filter_map(|action| match action {
            Action::Report(Report::Mining { enabled: true, hashes_per_second }) => Some(*hashes_per_second),
            _ => None,
        }));
    }
    assert!((2000..=2300).contains(&bench.hashes), "{} hashes in ten seconds", bench.hashes);
    assert!(most <= 21 + 205, "at most {most} at once");
    assert!(wakes <= 120, "{wakes} wakes");
    assert!(rates.len() >= 9 && rates[2..].iter().all(|rate| (180..=230).contains(rate)), "{rates:?}");
    // A late wake gets no more than a second's credit.
    bench.now.mono = bench.now.mono + Duration::from_secs(3600);
    let before = bench.hashes;
    bench.event(Event::Wake);
    assert!(bench.hashes - before <= 206);
}

#[test]
fn an_unthrottled_slice_is_bounded_and_the_next_is_due_at_once() {
    let mut bench = Bench::mining(0);
    let mut template = (*bench.template(key(1), 0)).clone();
    template.header.proof_mut().unwrap().target = crate::chain::target::CompactTarget(0x0101_0000);
    bench.notice(ToMiner::Template(Arc::new(template)));
    bench.wake();
    assert_eq!(bench.hashes, limits::MINE_SLICE_HASHES);
    assert_eq!(bench.miner.deadline(), Some(bench.now.mono));
}

#[test]
fn a_better_template_is_fetched_at_most_once_a_second_while_the_search_goes_on() {
    let mut bench = Bench::mining(1);
    bench.answer(key(1));
    assert_eq!(asked(&bench.pool(1, 0)), []);
    bench.now.mono = bench.now.mono + limits::MINE_REFRESH;
    assert_eq!(asked(&bench.event(Event::Wake)), [key(1)]);
    assert!(matches!(bench.miner.stage, Stage::Searching(_)));
    bench.answer(key(1));
    assert_eq!(asked(&bench.pool(1, 0)), []);
    assert_eq!(asked(&bench.event(Event::Wake)), []);
}

#[test]
fn an_order_is_carried_out_block_by_block_and_answered_when_all_are_applied() {
    let mut bench = Bench::new(ChainSpec::local(), |setup| setup.mine_rate = 1);
    let mut actions = bench.order(4, 3, Some(key(6)));
    let mut mined = Vec::new();
    for round in 0..3 {
        assert_eq!(asked(&actions), [key(6)]);
        bench.answer(key(6));
        if round == 1 {
            // Somebody else is faster once: that block does not count.
            let other = bench.maker.next_block(vec![], key(2));
            assert_eq!(asked(&bench.moved(vec![(other.hash, other.header.height)])), [key(6)]);
            bench.answer(key(6));
        }
        let block = bench.find();
        assert_eq!(replies(&actions), []);
        actions = bench.apply(&block);
        mined.push(block.hash);
    }
    assert_eq!(replies(&actions), [(Ticket(4), Reply::Mined(mined))]);
    assert_eq!(asked(&actions), []);
}

#[test]
fn impossible_orders_are_refused_and_a_stop_answers_those_that_wait() {
    let mut bench = Bench::new(ChainSpec::local(), |_| {});
    for blocks in [0, limits::MINE_ORDER_BLOCKS + 1] {
        assert!(matches!(&replies(&bench.order(1, blocks, None))[..], [(Ticket(1), Reply::Refused(_))]));
    }
    let actions = bench.order(2, 1, None);
    assert_eq!(asked(&actions), [key(0)], "nobody was named: the first well-known account");
    let actions = bench.event(Event::Stop);
    assert!(matches!(&replies(&actions)[..], [(Ticket(2), Reply::Refused(_))]));
    assert_eq!(bench.miner.deadline(), None);
    let mut spec = ChainSpec::local();
    spec.test = false;
    let mut bench = Bench::new(spec, |_| {});
    assert!(matches!(&replies(&bench.order(3, 1, None))[..], [(Ticket(3), Reply::Refused(_))]));
}

#[test]
fn an_instant_chain_makes_a_block_when_a_transaction_waits_and_none_without() {
    let mut bench = Bench::new(ChainSpec::dev(), |setup| setup.mine = Some(key(1)));
    assert_eq!(asked(&bench.state(SyncState::Synced)), []);
    assert_eq!(asked(&bench.pool(1, 0)), [key(1)]);
    bench.answer(key(1));
    let block = bench.find();
    // The ledger tells of the chain first and of the mempool then.
    assert_eq!(asked(&bench.apply(&block)), [key(1)]);
    assert_eq!(asked(&bench.pool(0, 1)), []);
    let empty = bench.template(key(1), 0);
    bench.notice(ToMiner::Template(empty));
    assert!(matches!(bench.miner.stage, Stage::Idle));
}

#[test]
fn an_instant_chain_with_an_interval_keeps_it() {
    let change = |setup: &mut Setup| (setup.mine, setup.block_interval_ms) = (Some(key(1)), Some(2000));
    let mut bench = Bench::new(ChainSpec::dev(), change);
    let start = bench.now.mono;
    bench.state(SyncState::Synced);
    assert_eq!(bench.miner.deadline(), Some(start + Duration::from_secs(2)));
    assert_eq!(asked(&bench.wake()), [key(1)]);
    let template = bench.template(key(1), 0);
    bench.notice(ToMiner::Template(template));
    let block = bench.find();
    assert_eq!(asked(&bench.apply(&block)), []);
    assert!(bench.now.mono.since(start) < Duration::from_secs(3));
    bench.now.mono = bench.now.mono + Duration::from_secs(2);
    assert_eq!(asked(&bench.event(Event::Wake)), [key(1)]);
}

/// What was told of a waiting miner, oldest first.
fn waits(actions: &[Action]) -> Vec<Option<String>> {
    let told = |action: &Action| match action {
        Action::Report(Report::Hindrance { id: HindranceId::MiningWaits, finding, .. }) => {
            Some(finding.as_ref().map(|finding| finding.text.clone()))
        }
        _ => None,
    };
    actions.iter().filter_map(told).collect()
}

#[test]
fn a_miner_whose_clock_is_wrong_makes_no_block_refuses_orders_at_once_and_says_why() {
    let mut bench = Bench::mining(0);
    let held = bench.notice(ToMiner::Hold(Some("its tip is 400 days ahead".to_owned())));
    assert!(held.contains(&Action::Report(Report::Mining { enabled: false, hashes_per_second: 0 })), "{held:?}");
    assert!(matches!(bench.miner.stage, Stage::Idle));
    let told = replies(&bench.order(9, 1, None));
    assert!(matches!(&told[..], [(_, Reply::Refused(why))] if why.contains("400 days")), "{told:?}");
    bench.now.mono = bench.now.mono + limits::MINE_WAIT_TOLD;
    assert_eq!(waits(&bench.event(Event::Wake)), [Some("mining waits: clock".to_owned())]);
    let free = bench.notice(ToMiner::Hold(None));
    assert_eq!((asked(&free), waits(&free)), (vec![key(1)], vec![None]));
}

#[test]
fn a_miner_whose_host_takes_no_writes_waits_and_goes_on() {
    let mut bench = Bench::mining(0);
    let hold = |bench: &mut Bench, why: Option<&str>| {
        bench.event(Event::Command(Ticket(1), MinerCommand::Hold(why.map(str::to_owned)).into()))
    };
    let stopped = hold(&mut bench, Some("the data directory cannot be written"));
    assert!(matches!(&replies(&stopped)[..], [(_, Reply::Done)]), "{stopped:?}");
    assert!(matches!(bench.miner.stage, Stage::Idle));
    let told = replies(&bench.order(9, 1, None));
    assert!(matches!(&told[..], [(_, Reply::Refused(why))] if why.contains("cannot be written")), "{told:?}");
    bench.now.mono = bench.now.mono + limits::MINE_WAIT_TOLD;
    assert_eq!(waits(&bench.event(Event::Wake)), [Some("mining waits: this host".to_owned())]);
    let free = hold(&mut bench, None);
    assert_eq!((asked(&free), waits(&free)), (vec![key(1)], vec![None]));
}

#[test]
fn a_miner_without_peers_is_told_how_the_first_node_of_a_network_begins() {
    let mut spec = ChainSpec::local();
    spec.test = false;
    let mut bench = Bench::new(spec, |setup| setup.mine = Some(key(1)));
    assert_eq!(waits(&bench.state(SyncState::Connecting)), []);
    bench.now.mono = bench.miner.deadline().unwrap();
    let actions = bench.event(Event::Wake);
    assert_eq!(waits(&actions), [Some("mining waits: no peers".to_owned())]);
    let advice = actions.iter().any(|action| format!("{action:?}").contains("--is-bootnode"));
    assert!(advice, "{actions:?}");
    assert_eq!(waits(&bench.state(SyncState::Synced)), [None]);
}

/// Whoever is not let in by the nodes that he named would begin a network of his own.
#[test]
fn a_miner_that_was_told_of_other_nodes_is_no_first_node() {
    let mut spec = ChainSpec::local();
    spec.test = false;
    let named = vec!["127.0.0.1:4131".parse().unwrap()];
    let mut bench = Bench::new(spec, |setup| (setup.mine, setup.connect) = (Some(key(1)), named));
    bench.state(SyncState::Connecting);
    bench.now.mono = bench.miner.deadline().unwrap();
    let actions = bench.event(Event::Wake);
    assert_eq!(waits(&actions), [Some("mining waits: no peers".to_owned())]);
    assert!(!format!("{actions:?}").contains("--is-bootnode"), "{actions:?}");
}

#[test]
fn a_large_step_of_the_clock_pauses_the_miner_until_it_is_judged() {
    let mut bench = Bench::mining(0);
    let template = bench.template(key(1), 0);
    bench.notice(ToMiner::Template(template));
    bench.now.unix = UnixTime(bench.now.unix.0 + 2 * 86_400);
    let hashes = bench.hashes;
    assert!(bench.event(Event::Wake).is_empty() && bench.hashes == hashes, "no hash of the wrong time is tried");
    bench.notice(ToMiner::Hold(Some("this clock was set".to_owned())));
    bench.now.mono = bench.now.mono + limits::CLOCK_LOOK * 2;
    assert_eq!(asked(&bench.event(Event::Wake)), [], "the verdict holds on");
    assert_eq!(asked(&bench.notice(ToMiner::Hold(None))), [key(1)]);
    bench.now.unix = UnixTime(bench.now.unix.0 - 2 * 86_400);
    bench.event(Event::Wake);
    assert!(!matches!(bench.miner.stage, Stage::Idle), "a step back does no harm");
}
