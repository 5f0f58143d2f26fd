# What one does with this repository. Run as `./just RECIPE`; each recipe installs what it needs, once, and says so.

packages := "nftables libnftables1 iproute2 iputils-ping dnsmasq-base passt tcpdump socat procps"
libvirt := "libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients libxml2-utils"

# Shells and a reader of manual pages: what completion and man/converge.1 are tried with.
shells := "zsh fish mandoc"

# What the examples of docs/gitops.md are tried with.
gitops := "git jq systemd"

# Namespaces need root; who is root already needs no sudo.
root := if `id -u` == "0" { "" } else { "sudo" }

# the recipes
default:
    @just --list --unsorted

# throw-away pods, states/ applied to them, the plan, the wiring, an empty second plan, packets; then all is removed
demo: debian
    @{{ root }} .venv/bin/converge lab demo

# all tests: pure ones, those in namespaces of their own, and those with a real guest
test *ARGUMENTS: debian
    @sh dev/debian {{ libvirt }} {{ gitops }}
    @{{ root }} .venv/bin/python -m pytest -n 2 --dist loadfile {{ ARGUMENTS }}

# a real guest on a file's throw-away pods; prints as JSON what it sees
guest FILE *ARGUMENTS: debian
    @{{ root }} .venv/bin/python -m tests.guest {{ FILE }} {{ ARGUMENTS }}

# tests under Debian's own kernel in a guest, which has the dummy driver that this machine's may lack; --netdevsim: and SR-IOV
under-debian *ARGUMENTS="tests/kernel/test_bridge.py": debian
    @{{ root }} .venv/bin/python -m tests.guest.full_kernel {{ ARGUMENTS }}

# style, types, layers
lint:
    @.venv/bin/ruff check --quiet .
    @.venv/bin/ruff format --check --quiet .
    @.venv/bin/mypy
    @.venv/bin/lint-imports --no-logo

# the table of docs/performance.md, measured here and now
bench *ARGUMENTS: debian
    @{{ root }} .venv/bin/python -m bench {{ ARGUMENTS }}

# runs the commands in README.md and docs/, and writes what they print into the pages
docs *PAGES: debian
    @{{ root }} .venv/bin/python -m tests.docs --write {{ PAGES }}

# lint, then test
check: lint test

# writes the manual page, man/converge.1, from the command line's own parsers
man:
    @.venv/bin/python -m converge.cli.manual > man/converge.1

# rewrites the files as lint wants them
format:
    @.venv/bin/ruff check --fix .
    @.venv/bin/ruff format .

# the Debian packages that the tests and the demo use
debian:
    @sh dev/debian {{ packages }} {{ shells }}
