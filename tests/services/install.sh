#!/bin/sh
# Installs what the tests' services are made of, where that is possible: as root, on Debian or a child of it.
# All there: nothing happens, in milliseconds. Not possible or failed: one line, and success, for the tests that need
# a service say themselves that it is missing (and fail where CI=true). SERVICES=no leaves the system alone.
set -u
packages="slurm-wlm slurm-wlm-torque munge openssh-server openssh-client iproute2 openmpi-bin libopenmpi-dev gcc libc6-dev"
commands="slurmctld slurmd sbatch srun qsub munged sshd ssh ip mpirun.openmpi mpicc.openmpi gcc"
seconds=300  # for all of it; 15 with a near mirror

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
missing=
for command in $commands; do command -v "$command" >/dev/null 2>&1 || missing="$missing $command"; done
[ -n "$missing" ] && [ "${SERVICES:-}" != no ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || exit 0

echo "installing Debian packages for tests (missing:$missing; SERVICES=no leaves them out)"
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
if [ -e "$policy" ]; then policy=; else printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"; fi  # start no daemon
trap 'rm -f "$log" $policy' EXIT
trap 'exit 130' INT TERM

export DEBIAN_FRONTEND=noninteractive
options="-q -o DPkg::Lock::Timeout=60 -o Acquire::Retries=2 -o Acquire::http::Timeout=20"
# shellcheck disable=SC2086 # words of options and packages are meant to split
timeout "$seconds" sh -c "apt-get update $options && apt-get install -y --no-install-recommends $options $packages" \
  >"$log" 2>&1 </dev/null
status=$?
[ $status -eq 0 ] || echo "packages not installed (exit $status$([ $status -eq 124 ] && echo ": over $seconds s")): $(
  grep -E '^E:' "$log" | head -n 1 || true)"
exit 0
