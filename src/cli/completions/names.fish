
# Names that only the program knows: of keys, contacts, chains and topics.
function __tussock_keys
    set -l words (commandline -xpc 2>/dev/null; or commandline -opc)
    set -l flags
    for at in (seq 2 (count $words))
        if contains -- $words[$at] -d --data-dir --chain --config; and test $at -lt (count $words)
            set -a flags $words[$at] $words[(math $at + 1)]
        end
    end
    test "$argv" = contacts; or tussock $flags key list --names 2>/dev/null
    test "$argv" = keys; or tussock $flags contact list --names 2>/dev/null
end
complete -c tussock -l chain -x -a "local dev"
complete -c tussock -n "__fish_seen_subcommand_from send" -l from -x -a "(__tussock_keys keys)"
complete -c tussock -n "__fish_seen_subcommand_from run dev" -l mine -x -a "(__tussock_keys keys)"
complete -c tussock -n "__fish_seen_subcommand_from mine" -l to -x -a "(__tussock_keys)"
complete -c tussock -n "__fish_seen_subcommand_from send balance history" -f -a "(__tussock_keys)"
complete -c tussock -n "__fish_seen_subcommand_from merge" -f -a "(__tussock_keys keys)"
complete -c tussock -n "__fish_seen_subcommand_from contact; and __fish_seen_subcommand_from remove" -f -a "(__tussock_keys contacts)"
complete -c tussock -n "__fish_seen_subcommand_from key; and __fish_seen_subcommand_from show export sign label verify passphrase remove" -f -a "(__tussock_keys keys)"
complete -c tussock -n "__fish_seen_subcommand_from help" -f -a "TOPICS"
