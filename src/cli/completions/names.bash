
# Names that only the program knows: of keys, contacts, chains and topics.
_tussock_names() {
    local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" command="" names="" at
    local flags=()
    for ((at = 1; at < COMP_CWORD; at++)); do
        case "${COMP_WORDS[at]}" in
            -d | --data-dir | --chain | --config)
                [ $((at + 1)) -lt "$COMP_CWORD" ] && flags+=("${COMP_WORDS[at]}" "${COMP_WORDS[at + 1]}")
                at=$((at + 1))
                ;;
            -*) ;;
            *) command="${command:+$command }${COMP_WORDS[at]}" ;;
        esac
    done
    case "$prev $command" in
        "--chain "*) names=$'local\ndev' ;;
        "--from "* | "--mine "*) names="keys" ;;
        "--to "* | "--change "*) names="keys contacts" ;;
        *" merge" | *" key show" | *" key export" | *" key sign" | *" key label" | *" key passphrase" | *" key remove" | *" key verify")
            names="keys"
            ;;
        *" send" | *" tx make" | *" balance" | *" history") names="keys contacts" ;;
        *" contact remove") names="contacts" ;;
        *" help") names="TOPICS" ;;
    esac
    case "$names" in
        "keys" | "contacts" | "keys contacts")
            names=$(
                [ "$names" = contacts ] || tussock "${flags[@]}" key list --names 2>/dev/null
                # What has spaces is one word.
                [ "$names" = keys ] || tussock "${flags[@]}" contact list --names 2>/dev/null | sed 's/[^[:alnum:]._-]/\\\\&/g'
            )
            ;;
        *) names="${names// /$'\n'}" ;;
    esac
    local IFS=$'\n'
    [ -n "$names" ] && mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$names" -- "$cur")
}

_tussock_with_names() {
    _tussock "$@"
    _tussock_names
}

complete -F _tussock_with_names -o bashdefault -o default tussock
