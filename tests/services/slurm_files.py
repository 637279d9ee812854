"""The configuration files of the Slurm that runs over virtual hosts."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

# Short times, so that what takes a cluster minutes takes a test seconds. SlurmdTimeout: until a silent node is down.
# MinJobAge: until an ended job leaves squeue (2 is the least that slurmctld keeps to). cred_expire: a requeued job
# waits so long. ReturnToService=2: a node that comes back serves at once. CR_Core_Memory is left out: --mem is
# recorded and checked against the node, but not fenced, as no cgroups are used.
SLURM = """\
ClusterName={cluster}
SlurmctldHost={controller}({controller_address})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={directory}/munge/socket,cred_expire=5
SlurmctldPidFile={directory}/slurmctld.pid
SlurmctldLogFile={directory}/slurmctld.log
StateSaveLocation={directory}/state
SlurmdPidFile={directory}/slurmd.%n.pid
SlurmdLogFile={directory}/slurmd.%n.log
SlurmdSpoolDir={directory}/spool/%n
SlurmdParameters=config_overrides
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
JobSubmitPlugins=lua
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,sched_min_interval=20000,bf_interval=2,batch_sched_delay=0
SlurmctldTimeout=30
MessageTimeout=2
SlurmdTimeout=10
ReturnToService=2
KillWait=2
MinJobAge=10
InactiveLimit=0
OverTimeLimit=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
GresTypes=qpu,gpu
Licenses=aer:2
{nodes}
PartitionName=DEFAULT DefaultTime=5 State=UP PreemptMode=OFF PriorityTier=2
PartitionName=normal Nodes=ALL Default=YES MaxTime=60
PartitionName=quantum Nodes={quantum} MaxTime=2 DefaultTime=1 MaxNodes=1
PartitionName=scavenge Nodes=ALL MaxTime=60 PriorityTier=1 PreemptMode=REQUEUE GraceTime=3
"""

NODE = (
    "NodeName={name} NodeHostname={name} NodeAddr={address} CPUs=4 RealMemory=4000 Gres=qpu:1,gpu:2 "
    "Feature={features} State=UNKNOWN\n"
)

GRES = """\
AutoDetect=off
NodeName={all} Name=qpu Count=1 Flags=CountOnly
NodeName={all} Name=gpu File={directory}/gpu[0-1]
"""


def write_configuration(directory: Path, controller: tuple[str, str], nodes: Mapping[str, str]) -> Path:
    """Writes `etc/slurm.conf` and its companions; controller: name and address; nodes: name to address.

    The last two nodes make up the partition `quantum`, which takes one node and two minutes at most. Jobs of the
    partition `scavenge` make way for those of the others: SIGTERM, three seconds, then they are requeued. Each node
    has its own name as a feature, and `fast` (the first) or `slow` (the others).
    """
    etc = directory / "etc"
    etc.mkdir(parents=True, exist_ok=True)
    lines = "".join(
        NODE.format(name=name, address=address, features=f"{name},{'slow' if number else 'fast'}")
        for number, (name, address) in enumerate(nodes.items())
    )
    text = SLURM.format(
        cluster=f"pq{controller[1].replace('.', '')}",
        controller=controller[0],
        controller_address=controller[1],
        directory=directory,
        nodes=lines,
        quantum=",".join([*nodes][-2:]),
    )
    (etc / "slurm.conf").write_text(text)
    (etc / "gres.conf").write_text(GRES.format(all=",".join(nodes), directory=directory))
    shutil.copy(Path(__file__).with_name("job_submit.lua"), etc)
    (etc / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")  # read, though no cgroup is used
    return etc / "slurm.conf"
