#!/usr/bin/env bash
# Make .venv in the checkout, if there is none, and install the package into it, editable,
# with the extras named: scripts/set-up.sh dev,llama,server,bubblewrap
#
# PYTHON names the interpreter (default python3). pip takes its index and its cache from
# your own configuration.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

extras=${1:?usage: scripts/set-up.sh EXTRA[,EXTRA...]}
python=${PYTHON:-python3}

fail() {
    printf '%s\n' "$@" >&2
    exit 4
}

command -v "$python" >/dev/null ||
    fail "There is no $python here. Install Python 3.10 or newer, or name one: PYTHON=/path/to/python"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "Python 3.10 or newer is needed; $python is $("$python" --version 2>&1)." \
        "Name another one: PYTHON=/path/to/python"
case ",$extras," in
*,llama,*)
    command -v "${CXX:-c++}" >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null ||
        fail "llama.cpp needs a C++ compiler. Debian, Ubuntu: apt install g++" \
            "Fedora: dnf install gcc-c++    macOS: xcode-select --install"
    ;;
esac

if ! [ -x .venv/bin/python ]; then
    "$python" -m venv .venv ||
        {
            rm -rf .venv
            fail "$python cannot make virtual environments. Debian, Ubuntu: apt install python3-venv"
        }
fi

# Installing asks the index even where nothing is missing; the second time needs no network.
installed=.venv/installed-$extras
if [ -e "$installed" ] && ! [ pyproject.toml -nt "$installed" ]; then
    exit 0
fi

echo "Installing into .venv."
if [[ ,$extras, == *,llama,* ]]; then
    echo "The first time llama.cpp is compiled: about 4 minutes on 2 cores."
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[$extras]"
touch "$installed"
