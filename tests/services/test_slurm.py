"""The Slurm that tests get: jobs over several hosts, and every fault that the project's tests inject."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import pytest
from tests.services.hosts import Hosts
from tests.services.processes import leftovers, remaining
from tests.services.slurm import Slurm

pytestmark = pytest.mark.requires("slurm")

MARKED = "export TOKEN={token}; echo begun >> {out}; sleep 1000"


def test_a_job_runs_on_three_nodes_each_with_its_own_processes(slurm: Slurm, tmp_path: Path) -> None:
    out = tmp_path / "out"
    slurm.submit("srun sh -c 'echo $(hostname) $$'", "--wait", "-N3", "-o", str(out), cwd=tmp_path)
    names, pids = zip(*(line.split() for line in out.read_text().splitlines()), strict=True)
    assert sorted(names) == sorted(slurm.nodes)
    assert all(int(pid) < 10_000 for pid in pids), f"numbers of fresh hosts, not of this machine: {pids}"


def test_a_request_is_checked_without_a_job(slurm: Slurm, tmp_path: Path) -> None:
    assert "to start at" in slurm.command("sbatch", "--test-only", "-N3", "--wrap", "true", cwd=tmp_path).stderr
    refused = slurm.command("sbatch", "--test-only", "-N9", "--wrap", "true", cwd=tmp_path)
    assert refused.returncode
    assert "Requested node configuration is not available" in refused.stderr
    assert slurm.jobs() == set()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--partition=nowhere", "Invalid partition name specified"),
        ("--account=nobody", "account 'nobody' is not one of physics, chemistry"),
        ("--qos=gold", "Invalid qos specification"),
        ("--constraint=unheard", "Invalid feature specification"),
        ("--reservation=none", "Requested reservation is invalid"),
        ("--licenses=none:1", "Invalid license specification"),
        ("--gres=qpu:2", "Requested node configuration is not available"),
    ],
)
def test_what_a_site_refuses_is_refused_here(slurm: Slurm, tmp_path: Path, option: str, words: str) -> None:
    refused = slurm.command("sbatch", option, "--wrap", "true", cwd=tmp_path)
    assert refused.returncode
    assert words in refused.stderr


@pytest.mark.parametrize(
    ("options", "reason"),
    [(("-N2", "-p", "quantum"), "PartitionNodeLimit"), (("-t", "10", "-p", "quantum"), "PartitionTimeLimit")],
)
def test_what_can_never_start_is_accepted_and_waits(
    slurm: Slurm, tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    job = slurm.submit("true", *options, cwd=tmp_path)
    slurm.until(lambda: slurm.must("squeue", "-h", "-j", job, "-o", "%r") == reason, reason)
    assert slurm.job_state(job) == "PENDING"


def test_generic_resources_features_and_licences_are_there(slurm: Slurm, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--wait", "--gres=qpu:1,gpu:2", "-C", "fast", "-L", "aer:1", "-A", "physics", "-o", str(out))
    slurm.submit("echo $(hostname) $CUDA_VISIBLE_DEVICES", *options, cwd=tmp_path)
    assert out.read_text() == f"{slurm.nodes[0]} 0,1\n"


def test_squeue_speaks_json_and_there_is_no_sacct(slurm: Slurm, tmp_path: Path) -> None:
    job = slurm.submit("sleep 1000", cwd=tmp_path)
    jobs = json.loads(slurm.must("squeue", "--json"))["jobs"]
    assert job in {str(each["job_id"]) for each in jobs}
    assert "accounting storage is disabled" in slurm.command("sacct").stderr


def test_a_cancelled_job_leaves_no_process_and_later_the_queue(slurm: Slurm, tmp_path: Path) -> None:
    token, out = uuid.uuid4().hex, tmp_path / "out"
    job = slurm.submit(f"srun sh -c '{MARKED.format(token=token, out=out)}'", "-N2", cwd=tmp_path)
    slurm.until(lambda: out.exists() and out.read_text().count("begun") == 2, "both steps run")
    assert len({process.namespace for process in leftovers(token)}) == 2
    slurm.must("scancel", job)
    slurm.until_job(job, "CANCELLED")
    assert remaining(token) == []
    slurm.until_job(job, "")


def test_a_requeued_job_starts_again(slurm: Slurm, tmp_path: Path) -> None:
    out = tmp_path / "out"
    job = slurm.submit(MARKED.format(token="none", out=out), cwd=tmp_path)
    slurm.until(lambda: out.exists(), "the job's begin")
    slurm.must("scontrol", "requeue", job)
    slurm.until(lambda: out.read_text().count("begun") == 2, "the job's second begin")
    assert "Restarts=1" in slurm.must("scontrol", "show", "job", job)


def test_a_job_makes_way_for_one_of_higher_priority_and_is_requeued(slurm: Slurm, tmp_path: Path) -> None:
    scavenger = slurm.submit("sleep 1000", "-p", "scavenge", "-N3", "--exclusive", cwd=tmp_path)
    slurm.until_job(scavenger, "RUNNING")
    job = slurm.submit("sleep 1000", "-N3", "--exclusive", cwd=tmp_path)
    slurm.until_job(job, "RUNNING")
    assert slurm.job_state(scavenger) == "PENDING"


def test_a_node_that_drains_keeps_its_job_and_takes_no_other(slurm: Slurm, tmp_path: Path) -> None:
    node = slurm.nodes[0]
    job = slurm.submit("sleep 1000", "-w", node, cwd=tmp_path)
    slurm.until_job(job, "RUNNING")
    slurm.drain(node)
    slurm.until(lambda: slurm.node_state(node) == "draining", "draining")
    other = slurm.submit("true", "-w", node, cwd=tmp_path)
    slurm.cancel([job])
    slurm.until(lambda: slurm.node_state(node) == "drained", "drained")
    assert slurm.job_state(other) == "PENDING"
    slurm.resume(node)
    slurm.until_job(other, "COMPLETED")


def test_walltimes_end_and_lost_nodes_fail_their_jobs_and_come_back(slurm: Slurm, hosts: Hosts, tmp_path: Path) -> None:
    """One test for what Slurm sees only after a while: the end of a walltime, a crashed node, a silent one."""
    token, out, asked, nodes = uuid.uuid4().hex, tmp_path / "out", tmp_path / "asked", slurm.nodes[-2:]
    over = slurm.submit(f"trap 'echo asked > {asked}' TERM; sleep 1000", "-t", "1", "-w", slurm.nodes[0], cwd=tmp_path)
    script = f"srun sh -c '{MARKED.format(token=token, out=out)}'"
    jobs = [slurm.submit(script, "-w", node, "--no-requeue", cwd=tmp_path) for node in nodes]
    slurm.until(lambda: out.exists() and out.read_text().count("begun") == 2, "both run")
    slurm.until_job(over, "RUNNING")
    slurm.expire(over)
    crashed, silent = nodes
    slurm.node_down(crashed)
    hosts.link_down(silent)
    assert {process.namespace for process in remaining(token, within=1)} == {hosts.processes(silent)[0].namespace}
    slurm.until_ends({over: "TIMEOUT"} | dict.fromkeys(jobs, "NODE_FAIL"))
    assert asked.read_text() == "asked\n"
    slurm.node_up(crashed)
    hosts.link_up(silent)
    slurm.serve(silent)
    assert sorted(slurm.must("srun", "-w", ",".join(nodes), "-N2", "hostname").split()) == sorted(nodes)
    assert remaining(token) == []


def test_slurm_can_be_told_to_wait_longer_for_silent_nodes(slurm: Slurm) -> None:
    with slurm.patience(300):
        assert re.search(r"SlurmdTimeout += 300 sec", slurm.must("scontrol", "show", "config"))
    assert re.search(r"SlurmdTimeout += 10 sec", slurm.must("scontrol", "show", "config"))


def test_a_login_node_needs_nothing_but_ssh(slurm: Slurm, hosts: Hosts, tmp_path: Path) -> None:
    done = hosts.ssh(slurm.login, f"cd {tmp_path} && sbatch --wait --parsable -o out --wrap hostname && cat out")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\d+\nh[234]\n", done.stdout)


def test_the_whole_cluster_comes_and_goes_with_its_hosts() -> None:
    with Hosts(2) as mine:
        with Slurm(mine) as small:
            assert small.must("srun", "hostname") == "h2"
        assert {process.command[0] for process in leftovers(str(small.directory))} == set()
    assert remaining(str(mine.directory)) == []
