# Names of keys and contacts, which only the program knows.
_tussock_names() {
    local -a flags names
    local at
    for ((at = 2; at < CURRENT; at++)); do
        case "$words[at]" in
            -d | --data-dir | --chain | --config) flags+=("$words[at]" "$words[at+1]") ;;
        esac
    done
    [[ $1 = contacts ]] || names+=(${(f)"$(tussock $flags key list --names 2>/dev/null)"})
    [[ $1 = keys ]] || names+=(${(f)"$(tussock $flags contact list --names 2>/dev/null)"})
    compadd -a names
}
_tussock_keys() { _tussock_names keys; }
_tussock_contacts() { _tussock_names contacts; }
_tussock_payees() { _tussock_names payees; }

