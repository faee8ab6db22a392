#!/usr/bin/env bash
# Runs the attacks of tests/hostile/ at full scale, one after the other, and prints the figures.
#
#   scripts/attack.sh                       all attacks; takes several hours
#   scripts/attack.sh slots flood::valid    those whose names contain one of the words
#   scripts/attack.sh soak --minutes 60     the duration of each attack that lasts a fixed time
#   scripts/attack.sh --list                their names
#
# All traffic stays on the loopback address. TUSSOCK_BIN names the program to attack; the default is the `dist` build.
set -euo pipefail
cd "$(dirname "$0")/.."
attacks=(
    hostile::slots::all_slots_hold_the_largest_frame_less_its_last_byte
    hostile::slots::silent_and_slow_clients_redial_while_honest_dials_succeed
    hostile::slots::connects_and_resets_leak_nothing
    hostile::slots::two_hundred_connections_with_sixty_four_descriptors
    hostile::addresses::one_address_gets_its_eight_slots_and_honest_peers_the_rest
    hostile::addresses::one_network_gets_its_sixteen_slots_and_honest_peers_the_rest
    hostile::flood::mutated_frames_of_recorded_sessions
    hostile::flood::transactions_with_bad_signatures_from_one_peer
    hostile::flood::valid_transactions_at_full_speed_from_eight_peers
    hostile::flood::ten_thousand_block_requests_from_a_client_that_reads_nothing
    hostile::eclipse::a_hundred_thousand_addresses_of_one_network_through_ten_peers
    hostile::eclipse::after_each_kill_the_node_dials_its_anchors_first_and_a_thousand_attackers_get_one_slot
    hostile::chain::minimum_work_headers_that_fork_at_genesis_from_ten_peers
    hostile::chain::headers_without_blocks_that_have_the_most_work_from_ten_peers
    hostile::chain::peers_that_withhold_blocks_slow_a_sync_down_by_a_bounded_factor
    hostile::liars::seven_liars_of_eight_neither_stop_a_node_nor_keep_it_behind
    hostile::joins::five_liars_of_eight_hold_up_no_join_and_all_of_them_are_named
    hostile::liars::a_newcomer_reaches_the_honest_tip_beside_seven_branches_that_nobody_delivers
    hostile::flow::two_nodes_that_push_large_blocks_to_each_other_do_not_stop_each_other
    hostile::flow::many_large_blocks_pushed_both_ways_close_no_link
    hostile::flow::a_slow_reader_stays_and_gets_each_block_once
    hostile::flow::peers_that_read_nothing_cost_little_memory_and_hold_up_nobody
    hostile::ports::a_crowd_that_claims_an_honest_node_s_port_does_not_shut_it_out
    hostile::seals::a_thousand_garbage_agreements_a_second_do_not_slow_an_honest_peer
    hostile::intruder::who_has_the_chain_file_and_no_key_makes_no_block_and_slows_down_none
    hostile::proposals::leaders_that_propose_two_whole_blocks_in_each_view_take_little_memory
    hostile::http::a_crowd_of_http_clients_keeps_out_neither_the_operator_nor_peers
    hostile::soak::all_attacks_at_a_low_rate_make_nothing_grow
)
words=()
while [ $# -gt 0 ]; do
    case $1 in
        --list) printf '%s\n' "${attacks[@]}"; exit ;;
        --minutes) export TUSSOCK_ATTACK_MINUTES=$2; shift ;;
        -*) echo "usage: scripts/attack.sh [WORD…] [--minutes M] [--list]" >&2; exit 2 ;;
        *) words+=("$1") ;;
    esac
    shift
done

wanted() {
    [ ${#words[@]} -eq 0 ] && return
    for word in "${words[@]}"; do
        [[ $1 == *"$word"* ]] && return
    done
    return 1
}

export TUSSOCK_ATTACK=full
if [ -z "${TUSSOCK_BIN:-}" ]; then
    TUSSOCK_BIN=$(scripts/dist.sh)
    export TUSSOCK_BIN
fi
export TUSSOCK_ATTACK_REPORT=${TUSSOCK_ATTACK_REPORT:-$(mktemp)}
failed=()
for attack in "${attacks[@]}"; do
    if wanted "$attack"; then
        echo "== $attack"
        cargo test ${ATTACK_PROFILE---release} --quiet --test all "$attack" -- --exact --nocapture || failed+=("$attack")
    fi
done
printf '\nattack | figure | limit | the honest peers\n'
cat "$TUSSOCK_ATTACK_REPORT"
if [ ${#failed[@]} -gt 0 ]; then
    printf 'failed: %s\n' "${failed[@]}"
    exit 1
fi
