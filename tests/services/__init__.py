"""Real services for tests: hosts in namespaces with sshd, a Slurm over them, Torque's commands. See README.md."""
