# The remote address of the socket with this inode, as text (RFC 5952). /proc/net/tcp has addresses in hex, in words of four bytes
# with the machine's byte order, which is little-endian here.
function number(hex,    i, value) {
    for (i = 1; i <= length(hex); i++) value = value * 16 + index("0123456789ABCDEF", substr(hex, i, 1)) - 1
    return value
}

function swapped(word) {
    return substr(word, 7, 2) substr(word, 5, 2) substr(word, 3, 2) substr(word, 1, 2)
}

function dotted(word) {
    return number(substr(word, 7, 2)) "." number(substr(word, 5, 2)) "." number(substr(word, 3, 2)) "." number(substr(word, 1, 2))
}

function groups(hex,    i, bytes, text) {
    for (i = 0; i < 4; i++) bytes = bytes swapped(substr(hex, 8 * i + 1, 8))
    for (i = 0; i < 8; i++) text = text ":" sprintf("%x", number(substr(bytes, 4 * i + 1, 4)))
    return shortened(text)
}

function shortened(text,    count, zeros, at) { # the longest run of two or more zero groups becomes ::
    for (count = 8; count > 1; count--) {
        zeros = ""
        while (length(zeros) < 2 * count) zeros = zeros ":0"
        at = index(text ":", zeros ":")
        if (at) {
            text = substr(text, 1, at - 1) "::" substr(text, at + length(zeros) + 1)
            break
        }
    }
    return text ~ /^::/ ? text : substr(text, 2)
}

$10 == inode {
    split($3, remote, ":")
    if (length(remote[1]) == 8) print dotted(remote[1])
    else if (remote[1] ~ /^0000000000000000FFFF0000/) print dotted(substr(remote[1], 25))
    else print groups(remote[1])
    exit
}
