#!/bin/sh
# Looks at a Debian package, then installs, upgrades, removes and purges it in a root of its own: `deploy/try-package.sh <file>`.
# For root, or who is it in a namespace (`unshare --map-root-user`). Nothing of the machine is touched, and everything is gone
# afterwards. It ends at the first thing that is wrong.
set -eu
package=$1

fail() {
    echo "$1" >&2
    exit 1
}

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
trap 'exit 130' INT TERM HUP
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
: >"$root/var/lib/dpkg/status"
config=$root/etc/xmpp-groupchat/groupchat.toml
program=$root/usr/bin/xmpp-groupchat
unit=$root/usr/lib/systemd/system/xmpp-groupchat.service

# The scripts ask the machine whether systemd runs, not the root, and would then start, stop and reload services of the
# machine: no policy lets them, and there is no systemctl that obeys.
mkdir -p "$root/usr/sbin" "$root/nothing"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
printf '#!/bin/sh\nexit 0\n' >"$root/nothing/systemctl"
chmod 755 "$root/usr/sbin/policy-rc.d" "$root/nothing/systemctl"

# What the package needs is of the machine, not of the root; its scripts find the root in DPKG_ROOT.
act() {
    PATH=$root/nothing:$PATH dpkg --root="$root" --force-script-chrootless --force-depends --log=/dev/null "$@" >"$root/said" 2>&1 ||
        fail "dpkg $*: $(cat "$root/said")"
}

echo "its scripts"
dpkg-deb --control "$package" "$root/control"
for script in postinst prerm postrm; do
    sh -n "$root/control/$script"
    shellcheck "$root/control/$script"
    grep -q systemctl "$root/control/$script" || grep -q deb-systemd-invoke "$root/control/$script" ||
        fail "$script knows nothing of the unit"
done
grep -qx /etc/xmpp-groupchat/groupchat.toml "$root/control/conffiles" || fail "the configuration is no conffile"
grep -q '^Depends: .*libc6' "$root/control/control" || fail "it depends on nothing"

echo "installed"
act --install "$package"
grep -q "fill in /etc/xmpp-groupchat/groupchat.toml" "$root/said" || fail "it does not say what to do next"
[ "$(stat --format=%a "$config")" = 600 ] || fail "others can read the configuration"
"$program" --version | grep -Fq "xmpp-groupchat $(sed -n 's/^Version: \(.*\)-.*/\1/p' "$root/control/control")" ||
    fail "the program is of another version: $("$program" --version)"
"$program" config | cmp - "$config"
"$program" check --config "$config" | grep -q "everything is in order" || fail "the configuration cannot be used"
[ ! -e "$root/etc/systemd/system/multi-user.target.wants/xmpp-groupchat.service" ] || fail "it would start by itself"
# The program where the unit finds it, for systemd looks into the machine's own folders.
sed "s|^ExecStart=xmpp-groupchat|ExecStart=$program|" "$unit" >"$root/xmpp-groupchat.service"
verdict=$(systemd-analyze verify "$root/xmpp-groupchat.service" 2>&1) || fail "$verdict"
case $verdict in *xmpp-groupchat.service*) fail "$verdict" ;; esac
for file in prometheus/alerts.yml grafana/xmpp-groupchat.json prosody/mod_groupchat_multicast.lua; do
    [ -s "$root/usr/share/xmpp-groupchat/$file" ] || fail "$file is not there"
done

echo "upgraded: what was changed by hand stays"
echo "# changed by hand" >>"$config"
act --install "$package"
grep -q "changed by hand" "$config" || fail "an upgrade takes the configuration away"

echo "removed and purged: the database stays"
mkdir -p "$root/var/lib/xmpp-groupchat"
echo "what people said" >"$root/var/lib/xmpp-groupchat/groupchat.db"
act --remove xmpp-groupchat
[ ! -e "$program" ] || fail "the program stays"
[ -e "$config" ] || fail "the configuration goes with the program"
act --purge xmpp-groupchat
[ ! -e "$config" ] || fail "the configuration stays"
[ -e "$root/var/lib/xmpp-groupchat/groupchat.db" ] || fail "the database is gone"
