#!/usr/bin/env bash
# Plants one fault after another into a copy of the program. The simulator must find each within 200 seeds; a fault that
# survives shows a hole in the simulator's checkers. Ledgers of simulated networks are small: they show nothing of some faults
# of merges, which a unit test must find.
#
#   scripts/mutants.sh             all faults
#   scripts/mutants.sh NAME...     only these
#
# MUTANTS_SEEDS: the number of seeds to try. MUTANTS_TARGET_DIR: keep what is compiled there for the next run.
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${MUTANTS_SEEDS:-200}

# Name, file (or several, with commas between), and the sed command that plants the fault.
mutants=(
  'skip-the-merkle-check       src/chain/body.rs             s/if merkle::root(leaves\.clone()) != header\.merkle_root/if merkle::root(leaves.clone()) == Hash::ZERO/'
  'skip-the-signatures         src/chain/key.rs              s/batch\.verify(rng\.generator())\.is_ok()/true/; s/\[claim\] => verify(.*/[_] => true,/'
  'locator-off-by-one          src/node/headers/locator.rs   s/common\.saturating_add(1), round/common.saturating_add(2), round/'
  'apply-without-undo          src/node/ledger/chainstate.rs s/self\.store\.apply(block\.header\.height, &block\.hash, &changes)/self.store.apply(block.header.height, \&block.hash, \&Default::default())/'
  'digest-not-updated          src/node/ledger/chainstate.rs 0,/self\.sum\.remove(&key, coin);/s///'
  'leaf-not-hashed-again       src/chain/digest.rs            s/self\.changed |= 1 << leaf;/self.changed |= 1 << (leaf \& !1);/'
  'sums-kept-when-undone       src/store/state_sums.rs        s/height <= saved/height < saved.min(1)/'
  'commit-without-coins        src/node/ledger/chainstate.rs /pub(super) fn commit/,/^    }/s/self\.flush()?;//'
  'flush-into-nothing         src/node/ledger/chainstate.rs s/self\.coins\.flush(|changes| store\.flush_coins(changes))/{ let _ = store; self.coins.flush(|_| Ok(())) }/'
  'forget-spent-coins-early    src/store/coins/merge.rs       s/if entry\.is_coin || !is_oldest {/if entry.is_coin {/'
  'merge-not-in-a-transaction  src/store/coins/merge.rs       s/^    writer\.finish()?;/    writer.finish()?; connection.execute_batch(if connection.is_autocommit() { "" } else { "COMMIT; BEGIN" })?;/'
  'run-without-its-last-page   src/store/coins/merge.rs       s/^    writer\.finish()?;//'
  'wrong-tie-break             src/node/ledger/chain_manager.rs s/rank <= self\.tip_rank()/rank < self.tip_rank()/'
  'lost-mempool-return         src/node/ledger/mempool.rs    s/self\.abandoned\.add_blocks(removed\.iter().*);//'
  'amounts-not-compared        src/chain/rules.rs            s/if named != coin\.amount {/if false {/'
  'wrong-amounts-are-free      src/node/gossip/intake.rs     s/out\.fault(link, fault\.into());/drop((link, fault));/'
  'fees-for-nobody             src/node/ledger/block_check.rs s/header\.height, fees)?;/header.height, 0)?;/'
  'drop-a-completion           src/node/gossip/intake.rs     s/Err(refusal) => out\.reply(ticket, Reply::NotTaken(refusal\.clone())),/Err(_) => {}/'
  'relay-before-verify         src/node/gossip/intake.rs     /fn transaction(/,/^    }/s/let leaf = transaction\.leaf;$/let leaf = transaction.leaf; self.relay(now, Origin::Link(link), \&transaction, out);/'
  'no-block-relay              src/node/gossip/blocks.rs     /fn relay_block/,/^    }/s/if peer\.blocks\.insert(hash) {/if false {/'
  'forget-a-timer              src/node/peers/dialer/mod.rs  /pub(super) fn deadline/,/^    }/s/self\.wake$/None/'
  'forget-the-headers-timer    src/node/headers/mod.rs       s/let peers = self\.peers\.deadline(self\.now);/let peers: Option<Time> = None;/'
  'trust-a-wrong-clock        src/node/headers/syncnode.rs  s/(peers > 0)\.then_some(RefusedBranch/(peers > 99).then_some(RefusedBranch/'
  'forget-the-stall-timer      src/node/fetch/mod.rs         s/\.chain(\[gather, self\.watch_deadline()\])/.chain([gather])/'
  'no-redial                   src/node/peers/backoff.rs     s/let until = now + jittered\.max(advice\.min(longest));/let until = Time(u64::MAX);/'
  'deaf-to-pongs               src/node/peers/keepalive.rs   s/^ *self\.pending = None;//'
  'two-frames-at-a-time        src/link/framer.rs            s/if self\.phase == Phase::Handshake {/if false {/'
  'frame-before-the-promotion  src/link/delivery.rs          s/if phase == Phase::Open {/if phase != Phase::Closing {/'
  'reads-wait-for-the-peer     src/link/flow.rs              s/backlog\.blocks < self\.blocks \&\& backlog\.syncs < self\.syncs/backlog.queued < self.soft/'
  'lease-never-returned        src/link/leases.rs            s/if let Some(held) = self\.held\.remove(&link) {/if let Some(held) = None::<Held> {/'
  'send-budget-not-counted     src/link/sending.rs           s/self\.recount(before, now);/let _ = (before, now);/'
  'half-frames-wait-for-ever   src/link/link.rs              s/\[self\.frame_deadline(config), stall\]/[None, stall]/'
  'goodbye-code-swapped        src/link/close.rs             s/=> Some(GoodbyeCode::TimedOut),/=> Some(GoodbyeCode::Fault),/'
  'ended-links-linger-for-ever src/link/link.rs              s/self\.ends\.or_else(/None.or_else(/'
  'branches-never-set-aside    src/node/headers/mod.rs       s/self\.set_overdue_aside(now, out)?;//'
  'open-questions-keep-waiting src/node/headers/state.rs     s/|| asked >= GET_SYNC_TIMEOUT//'
  'serve-what-was-not-judged   src/node/ledger/chainstate.rs s/served_body(hash, self\.disconnected\.contains(hash))/served_body(hash, true)/'
  'deliverers-pay-nothing      src/node/ledger/chain_manager.rs s/self\.deliverers\.of(&row\.hash)/None/'
  'junk-is-free                src/node/fetch/arrivals.rs    s/Some(Err(fault)) => self\.punish(link, fault, out),/Some(Err(_)) => {}/'
  'late-faults-are-free        src/link/close.rs             s/if fault\.points() > 0 {/if false {/'
  'candidates-one-by-one       src/node/fetch/pursuit.rs     s/for at in 0\.\.self\.candidates\.list()\.len() {/for at in 0..0 {/'
  'unfit-bodies-count-as-here  src/node/fetch/notices.rs     s/window\.refuse(hash, origin\.liable());/let _ = window;/'
  'rebuilt-root-not-compared   src/node/fetch/rebuild.rs     s/merkle::root(leaves) != self\.header\.merkle_root/merkle::root(leaves) == Hash::ZERO/'
  'asked-for-before-judged     src/node/fetch/compact.rs     s/block\.is_judged = self\.place_of(&hash)\.is_some();/block.is_judged = true;/'
  'lapses-are-forgotten        src/node/fetch/compact.rs     s/peer\.questions\.lapse(now, &hash);//'
  'one-teller-is-awaited       src/node/fetch/mod.rs         s/self\.watch_announced(now, out);//'
  'news-is-never-asked-for     src/node/fetch/compact.rs     s/None => self\.ask_next(now, &hash, out),/None => {}/'
  'ports-are-identities        src/node/handshake/version.rs s/self\.admission\.barred(remote, node, Some(listens)) {/self.admission.barred(remote, node, Some(listens)).or(self.links.values().any(|other| other.listens == Some(listens)).then_some(GoodbyeCode::Duplicate)) {/'
  'blocks-asked-twice-uncounted src/node/fetch/mod.rs         s/^        if is_owed .* {$/        if false {/'
  'news-that-was-asked-for     src/link/relaying.rs          s/block\.is_some_and(|block| link\.framer\.brings(&block))/false/'
  'answers-after-the-news      src/link/framer.rs            s/if self\.queue\.has_block(&block) {/if false {/'
  'pushes-lost-at-their-turn   src/link/send_queue.rs        /fn begin_push/,/^    }/s/self\.push(&frame, magic, Class::News);//'
  'dropped-pushes-stay-counted src/link/send_queue.rs        /fn drop_later/,/^    }/s/left\.push(\*block);//'
  'paces-not-measured          src/link/pushing.rs           s/if let Some(rate) = self\.turns\.ended(self\.clock, id) {/if let Some(rate) = None {/'
  'uploads-cost-no-tokens      src/link/sending.rs           s/upload\.take(bytes);//'
  'unread-answers-count        src/link/pushing.rs           s/unread\.fold(self\.load, usize::saturating_sub)/unread.fold(self.load, |load, _| load)/'
  'news-lost-in-silence        src/node/peers/mod.rs         /ToPeers::BlockMissed/,/^            }/s/peer\.keep_alive\.hasten(now\.mono);//'
  'garbage-is-dialled-again    src/node/peers/closing.rs     s/self\.dialer\.back_off_stranger(now\.mono, address, &mut self\.rng);/self.unreached(now, address);/'
  'sleepers-are-called-faulty  src/link/close.rs             s/^            PeerFault::HandshakeTimeout$//'
  'one-peer-takes-all-offers   src/node/fetch/offered.rs     s/same\.map(&size)\.sum::<usize>())/same.map(\&size).sum::<usize>().min(0))/'
  'later-blocks-excuse-earlier src/node/fetch/sources.rs     s/self\.requests\.iter_mut()\.skip(at)/self.requests.iter_mut()/'
  'promises-bind-backwards     src/node/headers/promises.rs  s/filter(move |(_, since)| \*since <= time)/filter(move |_| time == time)/'
  'slow-sync-nodes-stay        src/node/headers/choice.rs    s/self\.faster(now, best)\.or_else(next)?/{ let _ = self.faster(now, best); next()? }/'
  'unasked-skeletons-are-free  src/node/headers/ahead.rs     s/self\.punish(link, PeerFault::Unexpected(Kind::Skeleton), out);//'
  'orphans-are-free            src/chain/seal/work_rules.rs  s/if target\.is_some_and(|target| target\.admits(hash)) {/if true {/'
  'strangers-are-members       src/node/key_agreement/mod.rs s/members\.is_some_and(|members| !members\.contains(&node))/members.is_some_and(|_| false)/'
  'answers-before-the-list     src/link/securing.rs          s/if node\.is_some_and(|node| !is_member(self\.config\.members\.as_deref(), node)) {/if false {/'
  'removed-members-stay        src/link/securing.rs          s/link\.node\.is_some_and(|node| !is_member(members, node))/link.node.is_some_and(|_| members.is_some_and(|_| false))/'
  'anybody-answers-for-a-node  src/node/key_agreement/mod.rs s/expected\.is_some_and(|expected| expected != node)/expected.is_some_and(|_| false)/'
  'refused-links-hold-places   src/node/handshake/refusing.rs s/>= REFUSED_PER_ADDRESS {/>= usize::MAX {/'
  'silent-links-hold-places    src/link/opening.rs           s/crowding(inbound()\.filter(|link| !link\.is_identified()))/None/'
  'fresh-answers-pay           src/link/sending.rs           s/self\.unread\.age(now)/self.unread.age(now) * 0/'
  'recordings-are-nodes        src/link/securing.rs          s/link\.awaits_proof = link\.tunnel\.may_be_replayed();/link.awaits_proof = false;/'
  'one-key-for-ever            src/noise/cipher.rs           s/self\.key = rekeyed(&self\.key);/self.key = self.key.clone();/'
  'all-announcers-are-asked    src/node/gossip/announced.rs  s/ \&\& !self\.wanted\.has(\*id);/;/'
  'places-are-no-secret        src/node/gossip/known.rs      s/places\.write(&rng\.bytes::<16>());/let _ = rng;/'
  'deniers-are-asked-again     src/node/gossip/source.rs     s/^        self\.failed\.push_back(id);//'
  'named-by-the-own-salt       src/node/gossip/announcing.rs /fn is_told/,/^    }/s/salt\.short_id(&transaction\.leaf)$/{ let _ = salt; ids.current }/'
  'late-announcers-are-awaited src/node/gossip/announced.rs  /fn look_at_announced/,/^    }/s/self\.ask_others(now, \&open, out);//'
  'whole-to-everybody          src/node/gossip/announcing.rs s/leads\.truncate(PUSHED_PEERS);/let _ = PUSHED_PEERS;/'
  'vote-twice                  src/node/sealer/core/own_votes.rs s/Stage::Notarise => after(Stage::Notarise),/Stage::Notarise => true,/'
  'vote-without-writing        src/node/sealer/core/drive.rs  s/self\.effects\.push(Effect::KeepVote(vote));//'
  'signature-counted-twice     src/node/sealer/core/tally.rs  s/(votes\.count() >= quorum)/(votes.count() + votes.iter().filter(|(signer, _)| *signer == 0).count() >= quorum)/'
  'quorum-one-less             src/chain/seal/authority_set.rs s/^        self\.keys\.len() - self\.tolerated()/        (self.keys.len() - self.tolerated()).max(2) - 1/'
  'skip-not-required           src/node/sealer/core/certified.rs s/between == 0 || /true || between == 0 || /'
  'finalize-after-skip         src/node/sealer/core/own_votes.rs s/Stage::Skip | Stage::Finalize =>/Stage::Finalize => after(Stage::Finalize),\n            Stage::Skip =>/'
  'fork-choice-by-age          src/node/sealer/core/certified.rs s/let highest = self\.notarised\.last_key_value();/let highest = self.notarised.first_key_value();/'
  'fork-choice-by-height       src/node/headers/header_node.rs,src/node/headers/again.rs,src/node/ledger/again.rs,src/node/ledger/chain_manager.rs s/rank: \*work,/rank: Work::of_view(header.height.into()),/; s/map(|view| Work::of_seal(epoch, view))/map(|_| Work::of_view(height.into()))/; s/self\.rank(&tip\.hash, tip\.work)/self.rank(\&tip.hash, Work::of_view(tip.height.into()))/; s/self\.rank(&row\.hash, row\.work)/self.rank(\&row.hash, crate::chain::target::Work::of_view(row.header.height.into()))/'
  'work-by-height              src/chain/seal/authority_rules.rs s/Work::of_seal(epoch, header\.authority_seal()\.map_or(0, |seal| seal\.view))/Work::of_seal(epoch, u64::from(header.height))/'
  'votes-are-not-counted       src/chain/seal/authority_rules.rs s/^        check_voters(spec, parent\.height, &seal\.parent_votes)?;//'
  'skips-forgotten-early       src/node/sealer/core/certified.rs s/^                self\.notarised\.insert(view, certificate);/&\n                self.skipped = self.skipped.split_off(\&view);/'
  'final-block-left            src/node/headers/certified.rs s/if self\.leaves(rows, height, hash)? /&\&\& false /'
  'final-block-left-by-ledger  src/node/ledger/propose.rs    s/let Some((height, hash)) = left else/let Some((height, hash)) = left.filter(|_| false) else/'
  'nothing-is-left             src/node/headers/certified.rs,src/node/ledger/propose.rs s/if self\.leaves(rows, height, hash)? /&\&\& false /; s/let Some((height, hash)) = left else/let Some((height, hash)) = left.filter(|_| false) else/'
  'leaves-are-not-compared     src/chain/snapshot/bucket.rs   s/if self\.found\.sum\.leaf() != self\.manifest\.leaves()\[self\.bucket\] {/if false {/'
  'coins-in-any-order          src/chain/snapshot/bucket.rs   s/is_some_and(|last| \*key <= last)/is_some_and(|_| false)/'
  'coins-may-be-repeated       src/chain/snapshot/bucket.rs   s/is_some_and(|last| \*key <= last)/is_some_and(|last| *key < last)/'
  'supply-is-not-compared      src/node/snapshot/joining.rs,src/store/ledger/joining.rs s/if found != supply {/if false {/; s/} else if adopting\.amount != supply {/} else if false {/'
  'tip-before-the-last-bucket  src/store/ledger/joining.rs    s/if adopting\.bucket < BUCKETS {/if adopting.bucket < BUCKETS - 1 {/; s/} else if adopting\.amount != supply {/} else if false {/'
  'prunes-one-block-too-many   src/store/ledger/pruning.rs    s/let lowest_of = |blocks: u32| tip\.saturating_add(1)/let lowest_of = |blocks: u32| tip.saturating_add(2)/'
  'undo-data-above-what-goes   src/store/ledger/prune.rs      s/SET undo = NULL WHERE height >= ?1 AND height < ?2 AND/SET undo = NULL WHERE height >= ?1 AND ?2 > 0 AND/'
  'pruned-nodes-say-all        src/node/handshake/version.rs  s/|from| pruned_services(self\.services, from)/|from| pruned_services(self.services, from) * 0 + self.services/'
  'asks-whoever-let-go         src/node/fetch/keeping.rs      /pub(super) fn may_keep/,/^    }/s/height >= self\.from/height >= self.from.min(0)/'
  'too-deep-is-not-refused     src/node/ledger/too_deep.rs    s/if fork\.saturating_add(1) >= kept_from {/if fork < u32::MAX || kept_from == 0 {/'
  'undelivered-is-free         src/node/gossip/announced.rs  s/if source\.look(now\.mono) == Look::Undelivered {/if false \&\& source.look(now.mono) == Look::Undelivered {/'
)

# A coin that is repeated 65,536 times counts that often in the supply: liars of the simulator try it, and the check of the supply refuses
# what they send whatever the order says.
# The unit tests that find what the simulator does not, or only in one of thousands of seeds. `sim::sealing` is the simulator of
# the rules of authorities, 200 seeds of it.
declare -A unit_tests=(
  [leaf-not-hashed-again]=chain::digest::tests::the_digest_is_the_root_over_all_leaves_whatever_changed_since_the_last
  [sums-kept-when-undone]=store::ledger::tests::sums::a_reorganisation_below_the_stored_sums_stores_others
  [forget-spent-coins-early]=store::coins::tests::the_coins_are_those_of_a_plain_map
  [merge-not-in-a-transaction]=store::coins::tests::the_coins_are_those_of_a_plain_map
  [open-questions-keep-waiting]=blocks_that_come_give_an_open_question_no_new_time
  [one-peer-takes-all-offers]=a_peer_that_floods_pushes_out_nobodys_offers_but_its_own
  [later-blocks-excuse-earlier]=what_a_peer_delivers_out_of_order_does_not_excuse_what_it_holds_back
  [promises-bind-backwards]=a_promise_counts_from_its_arrival
  [pushes-lost-at-their-turn]=on_a_full_line_one_peer_gets_a_block_after_the_other
  [dropped-pushes-stay-counted]=small_news_goes_ahead_of_a_block_that_waits_and_a_request_takes_its_place
  [paces-not-measured]=a_peer_that_takes_very_long_for_a_block_is_told_of_the_next_one
  [uploads-cost-no-tokens]=all_links_together_keep_to_the_limit_of_uploads
  [rebuilt-root-not-compared]=ids_that_do_not_fit_the_header_lead_to_the_whole_block_and_cost_nothing
  [asked-for-before-judged]=a_block_is_put_together_once_its_header_is_judged_and_goes_the_way_of_others
  [one-teller-is-awaited]=who_tells_of_a_header_is_asked_then_the_next_and_then_everybody
  [news-is-never-asked-for]=who_tells_of_a_header_is_asked_then_the_next_and_then_everybody
  [lapses-are-forgotten]=who_did_not_answer_in_time_is_asked_last_also_on_a_new_link
  [unread-answers-count]=what_slow_readers_leave_unread_keeps_nobody_from_being_served
  [news-that-was-asked-for]=a_slow_reader_gets_a_block_once
  [slow-sync-nodes-stay]=slow_peers_that_claim_more_work_do_not_hold_up_a_fast_one
  [strangers-are-members]=members_link_and_a_stranger_hears_nothing
  [answers-before-the-list]=the_list_of_members_counts_when_the_keys_are_agreed_on
  [removed-members-stay]=only_members_link_and_a_removed_one_is_gone_at_once
  [anybody-answers-for-a-node]=a_dialler_that_expects_another_node_does_not_say_who_it_is
  [refused-links-hold-places]=links_of_one_address_that_are_refused_hold_no_places
  [silent-links-hold-places]=a_connection_without_keys_makes_room_the_oldest_of_the_network_and_address_with_most
  [fresh-answers-pay]=peers_that_read_nothing_or_hardly_anything_pay_for_one_that_reads_at_once
  [recordings-are-nodes]=a_dialler_of_a_member_is_known_once_it_has_sealed_something
  [places-are-no-secret]=nobody_finds_ids_that_belong_to_one_place
  [deniers-are-asked-again]=whoever_announces_is_asked_once_before_anybody_is_asked_twice
  [undelivered-is-free]=ids_that_nobody_delivers_are_few_and_cost_their_sender
  [vote-twice]=sim::sealing::tests::no_seed_with
  [vote-without-writing]=sim::sealing::tests::no_seed_with
  [signature-counted-twice]=sim::sealing::tests::no_seed_with
  [quorum-one-less]=sim::sealing::tests::no_seed_with
  [skip-not-required]=sim::sealing::tests::no_seed_with
  [finalize-after-skip]=sim::sealing::tests::no_seed_with
  [fork-choice-by-age]=sim::sealing::tests::no_seed_with
  [work-by-height]=a_chain_of_each_size_keeps_its_rules_and_its_certificates_hold
  [votes-are-not-counted]=a_header_that_names_an_unknown_set_certifies_its_parent_only_by_votes_of_a_quorum
  [skips-forgotten-early]=skip_records_stay_until_a_later_view_is_final
  [final-block-left]=node::headers::tests::sealed::what_was_final_first_stays
  [final-block-left-by-ledger]=node::ledger::tests::proposals::what_was_final_first_stays
  [coins-may-be-repeated]=chain::snapshot::tests::a_coin_repeated_until_it_adds_up_to_nothing_is_refused
  [one-key-for-ever]=the_key_changes_after_each_65536_messages_and_the_number_runs_on
)

# Faults that only networks of a kind show: the flags, and the complaint that must come, whatever other seeds complain of.
# `nothing-is-left` needs one liar too many: else nobody is led to leave anything. A bucket that is left out would be missing in the
# supply, so that check is left out, too.
declare -A special=(
  [nothing-is-left]='--authorities 4 --lying-authorities 2 --later-sets 0 => left final'
  [fork-choice-by-height]='--authorities 4 --lying-authorities 1 --later-sets 0 --snapshots=off => order of views'
  [leaves-are-not-compared]='--authorities 0 --snapshots => snapshot'
  [coins-in-any-order]='--authorities 0 --snapshots => snapshot'
  [supply-is-not-compared]='--authorities 0 --snapshots => snapshot .*by the schedule'
  [tip-before-the-last-bucket]='--authorities 0 --snapshots => snapshot'
  [prunes-one-block-too-many]='--authorities 0 --pruned => kept .*is to keep'
  [undo-data-above-what-goes]='--authorities 0 --pruned => kept .*cannot be undone'
  [pruned-nodes-say-all]='--authorities 0 --pruned => kept .*says that it keeps'
  [asks-whoever-let-go]='--authorities 0 --pruned => kept .*asks for the body'
  [too-deep-is-not-refused]='--authorities 0 --pruned --snapshots=off => kept '
)

# What found a fault of the rules of authorities when it was last looked for; another seed may, once the simulator draws other
# runs. In networks of whole nodes `nothing-is-left` was found at seed 4, `fork-choice-by-height` at seed 9.
declare -A recorded=(
  [vote-twice]='seed 3: Unwritten'
  [vote-without-writing]='seed 3: Unwritten'
  [signature-counted-twice]='seed 3: NoQuorum'
  [quorum-one-less]='seed 3: NoQuorum'
  [skip-not-required]='seed 11: NotSkipped'
  [finalize-after-skip]='seed 3: FinalAndSkip'
  [fork-choice-by-age]='seed 1: NotHighest'
)

# A kept build names the files of the copy, so the copy must be where it was.
copy=${MUTANTS_TARGET_DIR:+$MUTANTS_TARGET_DIR/copy}
copy=${copy:-$(mktemp -d)}
rm -rf "$copy" && mkdir -p "$copy"
trap 'rm -rf "$copy"' EXIT
# Every file is new to Cargo, which so compiles again what an interrupted run left behind.
tar --exclude=./target --exclude=./.git -cf - . | tar -xmf - -C "$copy"
export CARGO_PROFILE_RELEASE_INCREMENTAL=true
export CARGO_TARGET_DIR=${MUTANTS_TARGET_DIR:-$copy/target}

# The seed and the complaint with which a simulator of the unit tests found a fault, if one did.
seed_of() {
  sed -nE 's/^.*Outcome \{ plan: Plan \{ seed: ([0-9]+),.* complaint: Some\((\w+)\).*$/ at seed \1: \2/p' "$1" | head -n 1
}

# With its old time a file would not be compiled again, and the fault would stay in its package.
restore() {
  for file in "${files[@]}"; do
    mv "$copy/$file.original" "$copy/$file"
    touch "$copy/$file"
  done
}

# Runs one network after the other, with these flags, until there is this complaint, whatever others there are.
search_special() {
  local seed
  for ((seed = 1; seed <= seeds; seed++)); do
    # shellcheck disable=SC2086
    timeout 600 "$CARGO_TARGET_DIR/release/tussock" simulate $1 --seed "$seed" >"$copy/run.log" 2>/dev/null || true
    if grep -qE "^FAILED  *$2" "$copy/run.log"; then
      echo "$name: found at seed $seed: $(grep -m 1 '^FAILED' "$copy/run.log" | cut -c 20-150)"
      return 0
    fi
  done
  echo "$name: SURVIVES $seeds seeds"
  return 1
}

survivors=0
for mutant in "${mutants[@]}"; do
  read -r name file command <<<"$mutant"
  if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then
    continue
  fi
  IFS=, read -ra files <<<"$file"
  is_planted=true
  for file in "${files[@]}"; do
    cp "$copy/$file" "$copy/$file.original"
    sed -i "$command" "$copy/$file"
    if cmp -s "$copy/$file" "$copy/$file.original"; then
      is_planted=false
    fi
  done
  if [ $is_planted = false ]; then
    echo "$name: the program has changed, nothing was planted"
    survivors=$((survivors + 1))
    restore
    continue
  fi
  if [ -n "${unit_tests[$name]-}" ]; then
    if (cd "$copy" && cargo test --quiet --package tussock-core --package tussock-noise --package tussock-roles --package tussock-drivers --lib "${unit_tests[$name]}" >"$copy/run.log" 2>&1); then
      echo "$name: SURVIVES ${unit_tests[$name]}"
      survivors=$((survivors + 1))
    elif grep -q '^test result: FAILED' "$copy/run.log"; then
      echo "$name: found by ${unit_tests[$name]}$(seed_of "$copy/run.log")${recorded[$name]+, recorded ${recorded[$name]}}"
    else
      echo "$name: does not build"
      survivors=$((survivors + 1))
    fi
  elif ! (cd "$copy" && cargo build --release --quiet --bin tussock 2>"$copy/build.log"); then
    echo "$name: does not build"
    grep -m 5 -A 6 '^error' "$copy/build.log"
    survivors=$((survivors + 1))
  elif [ -n "${special[$name]-}" ]; then
    search_special "${special[$name]%% => *}" "${special[$name]##* => }" || survivors=$((survivors + 1))
  elif timeout 1800 "$CARGO_TARGET_DIR/release/tussock" simulate --authorities 0 --snapshots=off --seed 1 --seeds "$seeds" >"$copy/run.log" 2>/dev/null; then
    echo "$name: SURVIVES $seeds seeds"
    survivors=$((survivors + 1))
  else
    found=$(grep -c ' ok: ' "$copy/run.log" || true)
    echo "$name: found after $((found + 1)) seeds: $(grep -m 1 '^FAILED' "$copy/run.log" | cut -c 20-150)"
  fi
  restore
done
[ "$survivors" -eq 0 ] || { echo "$survivors not found"; exit 1; }
