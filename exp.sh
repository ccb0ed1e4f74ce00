cd /tmp/a
B=${1:-./old}
run() { # name cpus
  rm -rf reports; taskset -c $2 $B run crowded.toml >/dev/null 2>&1; echo "== $1 status $?"; python3 feat.py reports/crowded/*/results.json; }
busy() { taskset -c $1 sh -c 'while :; do :; done' & PIDS="$PIDS $!"; }
PIDS=; run free2 0,1
run one-alone 0
busy 0; run one+1 0
run one+1b 0
busy 1; run two+2 0,1
kill $PIDS; PIDS=
busy 0; kill -0 $PIDS; run two+1 0,1
kill $PIDS; PIDS=
taskset -c 0,1 nice -n 19 sh -c 'while :; do :; done' & P1=$!
taskset -c 0,1 nice -n 19 sh -c 'while :; do :; done' & P2=$!
run two+2nice19 0,1
kill $P1 $P2
