#!/usr/bin/env bash
# Install and start a SLURM of one node on Debian or Ubuntu, for tests/cluster. Needs root, no systemd.
# Running it again does nothing where SLURM answers already. Never run it on a real cluster's machine.
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
HOST=$(hostname -s)
CLUSTER=qmri-test
LOGS=/var/log/slurm

wait_for() { # wait_for WHAT COMMAND...: until the command succeeds, half a minute at most
  local what=$1
  shift
  for _ in $(seq 60); do
    "$@" > /dev/null 2>&1 && return 0
    sleep 0.5
  done
  echo "start-slurm: $what did not start; see $LOGS" >&2
  exit 1
}

node_is_ready() { [[ "$(sinfo --noheader --format=%t)" =~ ^(idle|mix|alloc) ]]; }

accounting_answers() { timeout 10 sacct --noheader > /dev/null 2>&1; }

if command -v sinfo > /dev/null && node_is_ready 2> /dev/null && accounting_answers; then
  echo "SLURM runs already"
  exit 0
fi

missing=()
for package in slurm-wlm slurmdbd munge mariadb-server; do
  dpkg -s "$package" > /dev/null 2>&1 || missing+=("$package")
done
if ((${#missing[@]})); then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi

# munge: the two sides of a SLURM message know each other by this key.
install -d -o munge -g munge -m 755 /run/munge
[[ -s /etc/munge/munge.key ]] || dd if=/dev/urandom of=/etc/munge/munge.key bs=1024 count=1 status=none
chown munge:munge /etc/munge/munge.key
chmod 400 /etc/munge/munge.key
munge -n > /dev/null 2>&1 || runuser -u munge -- /usr/sbin/munged
wait_for munged munge -n

# The accounting database: the executor asks it how a job ended.
install -d -o mysql -g mysql /run/mysqld
mariadb-admin ping > /dev/null 2>&1 || (setsid mariadbd-safe --user=mysql > /dev/null 2>&1 &)
wait_for mariadb mariadb-admin ping
mariadb -e "CREATE DATABASE IF NOT EXISTS slurm_acct_db;
            CREATE USER IF NOT EXISTS 'slurm'@'localhost' IDENTIFIED BY 'slurm';
            GRANT ALL ON slurm_acct_db.* TO 'slurm'@'localhost';"

install -d -m 755 /etc/slurm "$LOGS" /var/spool/slurmctld /var/spool/slurmd /run/slurm
cat > /etc/slurm/slurmdbd.conf << CONFIG
AuthType=auth/munge
DbdHost=localhost
SlurmUser=root
LogFile=$LOGS/slurmdbd.log
PidFile=/run/slurm/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
CONFIG
chmod 600 /etc/slurm/slurmdbd.conf

# No cgroups and no systemd: memory is polled each second and a job above its request is killed.
# Eight job slots whatever the machine has: the jobs of the tests mostly wait.
cat > /etc/slurm/slurm.conf << CONFIG
ClusterName=$CLUSTER
SlurmctldHost=$HOST(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
MpiDefault=none
ReturnToService=2
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoreFlags=job_comment
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=2,batch_sched_delay=0
SlurmdParameters=config_overrides
OverTimeLimit=0
KillWait=2
InactiveLimit=0
MinJobAge=300
SlurmctldTimeout=60
SlurmdTimeout=60
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldPidFile=/run/slurm/slurmctld.pid
SlurmdPidFile=/run/slurm/slurmd.pid
SlurmctldLogFile=$LOGS/slurmctld.log
SlurmdLogFile=$LOGS/slurmd.log
NodeName=$HOST NodeAddr=127.0.0.1 CPUs=8 RealMemory=16000 State=UNKNOWN
PartitionName=test Nodes=$HOST Default=YES MaxTime=60 State=UP
CONFIG

pgrep -x slurmdbd > /dev/null || slurmdbd
wait_for slurmdbd sacctmgr --noheader show cluster
sacctmgr --immediate --quiet add cluster "$CLUSTER" > /dev/null 2>&1 || true
sacctmgr --immediate --quiet add account study Cluster="$CLUSTER" > /dev/null 2>&1 || true
sacctmgr --immediate --quiet add user root Account=study > /dev/null 2>&1 || true
pgrep -x slurmctld > /dev/null || slurmctld
wait_for slurmctld scontrol ping
pgrep -x slurmd > /dev/null || slurmd
wait_for "the node" node_is_ready
wait_for "accounting" accounting_answers
sinfo
