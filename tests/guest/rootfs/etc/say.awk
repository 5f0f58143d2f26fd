# Arguments as one JSON object: the event, then keys and values. A value of @KEY is JSON already. The key `environment` takes the
# variables with lower-case names, as which DHCP clients pass on a lease. Bytes above 127 go out as they are.
function quoted(text,    code) {
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    gsub(/\n/, "\\n", text)
    if (text ~ /[\001-\037\177]/) {
        for (code = 1; code < 32; code++) gsub(sprintf("%c", code), sprintf("\\u%04x", code), text)
        gsub(/\177/, "\\u007f", text)
    }
    return "\"" text "\""
}

function environment(    name, line) {
    for (name in ENVIRON) if (name ~ /^[a-z]/) line = line (line == "" ? "" : ",") quoted(name) ":" quoted(ENVIRON[name])
    return "{" line "}"
}

BEGIN {
    getline uptime < "/proc/uptime"
    split(uptime, seconds, " ")
    line = "{\"event\":" quoted(ARGV[1]) ",\"uptime\":" seconds[1]
    for (i = 2; i < ARGC; i += 2) {
        key = ARGV[i]
        if (key == "environment") { line = line ",\"environment\":" environment(); i--; continue }
        if (substr(key, 1, 1) == "@") { line = line "," quoted(substr(key, 2)) ":" ARGV[i + 1]; continue }
        line = line "," quoted(key) ":" quoted(ARGV[i + 1])
    }
    print "CONVERGE-JSON " line "}"
}
