from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilot_quantum.errors import InvalidDescriptionError
from pilot_quantum.resource.description import PilotDescription
from pilot_quantum.resource.launchers.batch.pbs_script import openpbs_script, torque_script
from pilot_quantum.resource.launchers.batch.script import Job, agent_command
from pilot_quantum.resource.launchers.batch.slurm_script import overridden, slurm_script

RESOURCES = "cores=4&gpus=2&qpus=1&memory=1500MB&walltime=90s&account=m1&constraint=fast&name=p"


def job(url: str, **fields: object) -> Job:
    description = PilotDescription(url)
    made = Job("pq-1-p.1", description, description.nodes, "/shared/d", agent_command("/py", "/shared/d/agent.json"))
    return replace(made, **fields)


def test_a_slurm_script_in_full():
    url = f"slurm:///gpu?nodes=2&{RESOURCES}&qos=high&reservation=r1&licences=aer:2"
    url += "&directives=--mail-type=END&directives=%23SBATCH --hint=nomultithread&setup=module load python"
    assert slurm_script(job(url)) == (
        "#!/bin/bash\n"
        "#SBATCH --job-name=pq-1-p.1\n"
        '#SBATCH --output="/shared/d/job.out"\n'
        '#SBATCH --error="/shared/d/job.err"\n'
        "#SBATCH --open-mode=append\n"
        "#SBATCH --nodes=2\n"
        "#SBATCH --ntasks-per-node=1\n"
        "#SBATCH --cpus-per-task=4\n"
        "#SBATCH --mem=1431M\n"
        "#SBATCH --gres=gpu:2,qpu:1\n"
        "#SBATCH --time=00:02:00\n"
        "#SBATCH --partition=gpu\n"
        "#SBATCH --account=m1\n"
        "#SBATCH --qos=high\n"
        "#SBATCH --constraint=fast\n"
        "#SBATCH --reservation=r1\n"
        "#SBATCH --licenses=aer:2\n"
        "#SBATCH --mail-type=END\n"
        "#SBATCH --hint=nomultithread\n"
        "\n"
        "# Pilot-Quantum: the allocation pq-1-p.1\n"
        "umask 077\n"
        "module load python\n"
        "exec /py -m pilot_quantum.resource.agent /shared/d/agent.json\n"
    )


def test_without_a_number_of_cores_slurm_gives_whole_nodes():
    script = slurm_script(job("slurm://"))
    assert "#SBATCH --exclusive\n#SBATCH --mem=0\n" in script
    assert "--time" not in script
    assert "--partition" not in script


def test_days_of_walltime_are_written_as_slurm_reads_them():
    assert "--time=2-01:00:00\n" in slurm_script(job("slurm:///?walltime=49h"))


def test_an_openpbs_script_in_full():
    assert openpbs_script(job(f"pbs:///q?nodes=2&{RESOURCES}&directives=-m n&setup=module load python")) == (
        "#!/bin/bash\n"
        "#PBS -N pq-1-p.1\n"
        "#PBS -l select=2:ncpus=4:mpiprocs=1:mem=1431mb:ngpus=2:nqpus=1:fast\n"
        "#PBS -l place=scatter\n"
        "#PBS -l walltime=00:01:30\n"
        "#PBS -q q\n"
        "#PBS -A m1\n"
        "#PBS -m n\n"
        "\n"
        "# Pilot-Quantum: the allocation pq-1-p.1\n"
        "umask 077\n"
        "exec >>/shared/d/job.out 2>>/shared/d/job.err\n"
        "module load python\n"
        "exec /py -m pilot_quantum.resource.agent /shared/d/agent.json\n"
    )


def test_openpbs_gives_whole_nodes_without_a_number_of_cores():
    script = openpbs_script(job("pbs:///?nodes=3"))
    assert "#PBS -l select=3:mpiprocs=1\n#PBS -l place=scatter:excl\n" in script


def test_a_torque_script_in_full():
    script = torque_script(job(f"pbs:///q?nodes=2&{RESOURCES}"))
    assert "#PBS -l nodes=2:ppn=4:gpus=2:qpus=1:fast\n#PBS -l pmem=1431mb\n#PBS -l walltime=00:01:30\n" in script


def test_a_job_that_comes_through_a_login_host_gets_a_login_shell():
    assert slurm_script(job("slurm://me@login/", login=True)).startswith("#!/bin/bash -l\n")


@pytest.mark.parametrize("system", [slurm_script, openpbs_script, torque_script])
def test_no_text_with_a_line_end_gets_into_a_script(system):
    with pytest.raises(InvalidDescriptionError, match="more than one line"):
        system(job("slurm://" if system is slurm_script else "pbs://", name="x\n#SBATCH --wrap=evil"))


def test_a_directive_with_a_newline_is_refused_by_the_description():
    with pytest.raises(InvalidDescriptionError, match="list of lines"):
        PilotDescription("slurm://", directives=["--a\nrm -rf /"])  # type: ignore[arg-type]


WORD = st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(st.lists(WORD, min_size=1, max_size=4))
def test_every_word_of_the_command_reaches_the_program_as_it_is(words):
    script = slurm_script(job("slurm://", command=("printf", "%s\\0", *words)))
    last = script.split("umask 077\n", 1)[1]
    out = subprocess.run(["bash", "-c", last], capture_output=True, check=True).stdout
    assert out.decode().split("\0")[:-1] == words


@given(WORD)
def test_paths_in_a_pbs_script_are_one_word_each(word):
    script = torque_script(job("pbs://", directory=f"/{word}"))
    (line,) = [line for line in script.split("\n") if line.startswith("exec >>")]
    assert shlex.split(line) == ["exec", f">>/{word}/job.out", f"2>>/{word}/job.err"]


def test_the_environment_overrides_only_what_the_script_leaves_open():
    assert "SBATCH_ACCOUNT" not in overridden(job("slurm:///p"))
    assert "SBATCH_ACCOUNT" in overridden(job("slurm:///p?account=a"))
    assert "SBATCH_PARTITION" in overridden(job("slurm:///p"))
    assert "SBATCH_PARTITION" not in overridden(job("slurm://"))
    assert "SBATCH_OUTPUT" in overridden(job("slurm://"))
