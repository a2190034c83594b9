#!/usr/bin/env bash
# The two commands of the README on a machine that has nothing: a Debian made by debootstrap, the
# last commit of this repository, `./dev up` and `./dev test`, as root and as a user with sudo. Its
# processes, mounts and files end with it; the network is the machine's.
#   ./dev fresh [root|user|both] [up|test|all]    (both all)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly accounts=${1:-both} verbs=${2:-all}
readonly place=$PWD/build/fresh
readonly base=$place/base

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "dev fresh: $*"
  exit 1
}

if ((EUID != 0)); then
  sudo -n true 2>/dev/null || fail "a Debian of its own is made by root: use root or sudo"
  exec sudo -n bash "${BASH_SOURCE[0]}" "$@"
fi

# The packages come from wherever this machine gets its own.
make_base() {
  [[ -f $base/made ]] && return
  rm -rf "$base"
  mkdir -p "$base"
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' | awk '$2 == "bookworm" && $3 == "main" { print $1; exit }')
  [[ -n $mirror ]] || fail "this machine's package sources have no bookworm/main: apt-get update"
  say "making a Debian of nothing in $base"
  debootstrap --variant=minbase --include=ca-certificates,git,sudo bookworm "$base" "$mirror" \
    >"$place/debootstrap.log" 2>&1 ||
    { tail "$place/debootstrap.log" >&2 && fail "debootstrap failed"; }
  rm -rf "$base/etc/apt"
  cp -a /etc/apt "$base/etc/apt"
  rm -rf "$base/var/lib/apt/lists"
  mkdir -p "$base/var/lib/apt/lists/partial"
  rm -f "$base/etc/resolv.conf"
  cp -L /etc/resolv.conf /etc/hosts "$base/etc/"
  rm -f "$base/usr/sbin/policy-rc.d"
  chroot "$base" useradd --create-home --shell /bin/bash weaver
  echo 'weaver ALL=(ALL) NOPASSWD: ALL' >"$base/etc/sudoers.d/weaver"
  touch "$base/made"
}

# What is run inside, by the account itself; a list of what starts at boot before and after.
script() {
  cat <<'END'
set -euo pipefail
cd "$HOME/weir"
boot() { find /etc/systemd/system /etc/rc[0-6S].d -type l 2>/dev/null | sort || true; }
boot >/tmp/boot.before
for verb in $VERBS; do
  echo "=== ./dev $verb as $(id -un)"
  began=$SECONDS
  ./dev $verb
  echo "=== ./dev $verb as $(id -un) took $((SECONDS - began)) s"
done
if [[ -d /var/lib/weir/quickstart || -d $HOME/.local/state/weir/quickstart ]]; then ./dev down; fi
boot | grep -v '/K[0-9]*' >/tmp/boot.after
comm -13 <(grep -v '/K[0-9]*' /tmp/boot.before) /tmp/boot.after >/tmp/boot.new
if [[ -s /tmp/boot.new ]]; then
  echo "these would start at boot and did not before:"
  cat /tmp/boot.new
  exit 1
fi
END
}

# Runs as process 1 of namespaces of its own, so that nothing of it can stay.
inside() {
  local root=$1 account=$2
  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc"
  mount -t sysfs -o ro sys "$root/sys"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs -o mode=0755 run "$root/run"
  chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 CI=true VERBS="$VERBS" \
    setpriv --reuid="$account" --regid="$account" --init-groups --reset-env \
    env VERBS="$VERBS" CI=true bash /script.sh </dev/null
}

run_as() {
  local account=$1 root=$place/$1 home=/root status=0
  [[ $account == root ]] || home=/home/$account
  [[ -z $(ss -Hltn 'src 127.0.10.250:7400') ]] ||
    fail "a fleet serves at the quickstart's addresses" "./dev down"
  rm -rf "$root"
  cp -a --reflink=auto "$base" "$root"
  git clone -q --no-hardlinks . "$root$home/weir"
  chroot "$root" chown -R "$account:$account" "$home/weir"
  script >"$root/script.sh"
  say "running $VERBS as $account ($place/$account.log)"
  # Whatever kills this script ends what runs inside.
  setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --propagation private \
    bash "${BASH_SOURCE[0]}" inside "$root" "$account" >"$place/$account.log" 2>&1 || status=$?
  grep '^===' "$place/$account.log" >&2 || true
  rm -rf "$root"
  ((status == 0)) || { tail -n 30 "$place/$account.log" >&2 && fail "as $account it failed"; }
}

case $verbs in
  up | test) export VERBS=$verbs ;;
  all) export VERBS="up test" ;;
  *) [[ $accounts == inside ]] || fail "expected up, test or all, got $verbs" ;;
esac
case $accounts in
  inside) inside "$2" "$3" ;;
  root | user | both)
    make_base
    if [[ $accounts != user ]]; then run_as root; fi
    if [[ $accounts != root ]]; then run_as weaver; fi
    say "a fresh Debian runs: $VERBS"
    ;;
  *) fail "expected root, user or both, got $accounts" ;;
esac
