#!/bin/sh
# SPDX-License-Identifier: LGPL-3.0-only
# The first process of a node: in new namespaces, over an overlay of this machine's root, it makes what a
# boot loader and a kernel would have made, and becomes systemd. It prints its number as the machine counts.
# usage: node-init.sh CLUSTER-DIRECTORY NUMBER HOST ADDRESS KEEPER-PID
set -eu
top=$1 number=$2 host=$3 address=$4 keeper=$5
node=$top/nodes/$host
root=$node/root
read -r pid rest </proc/self/stat # /proc is still the machine's

# a cable to the bridge; one of an earlier life may not be gone yet
at_bridge()
{
    nsenter --net="/proc/$keeper/ns/net" ip link "$@"
}
at_bridge del "node$number" 2>/dev/null || :
at_bridge add "node$number" type veth peer name eth0 netns 1 # this process
at_bridge set "node$number" master cluster up
ip link set lo up
ip link set eth0 address "$(printf 02:00:00:00:00:%02x "$number")" # the same in each life, as neighbours remember it
ip address add "$address" dev eth0
ip link set eth0 up

hostname "$host"
mount -t overlay overlay -o "lowerdir=$top/image:/,upperdir=$node/upper,workdir=$node/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue" "$root/run/host" "$root/run/old"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
for device in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
    set -- $device
    mknod -m 0666 "$root/dev/$1" c "$2" "$3"
done
mount --bind "$node/host" "$root/run/host"
mount --bind "$top/home" "$root/home"
[ ! -d "$node/disk" ] || mount --bind "$node/disk" "$root/var/lib/flux"

cd "$root"
pivot_root . run/old
echo "$pid"
exec </dev/null >/dev/null 2>&1 env -i container=nspawn NOTIFY_SOCKET=/run/host/notify PATH=/usr/sbin:/usr/bin \
    sh -c 'umount -l /run/old && rmdir /run/old && exec /lib/systemd/systemd --unit=multi-user.target'
