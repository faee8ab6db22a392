# Names of keys, which only the program knows.
_tussock_keys() {
    local -a flags names
    local at
    for ((at = 2; at < CURRENT; at++)); do
        case "$words[at]" in
            -d | --data-dir | --chain | --config) flags+=("$words[at]" "$words[at+1]") ;;
        esac
    done
    names=(${(f)"$(tussock $flags key list --names 2>/dev/null)"})
    _describe key names
}

