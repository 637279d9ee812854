"""`pilot-quantum pilots check URL`: what would become of a pilot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pilot_quantum.cli.interrupt import interruptible

if TYPE_CHECKING:
    from pilot_quantum.resource.launchers.dry_run import DryRun
    from pilot_quantum.resource.launchers.shell import Shell

app = typer.Typer(name="pilots", help="Try pilots out.", no_args_is_help=True)


@app.callback()
def _pilots() -> None:
    """Try pilots out before a program asks for them."""


@app.command()
def check(
    url: Annotated[str, typer.Argument(metavar="URL", help="The pilot, such as slurm:///gpu?nodes=2&walltime=30m.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Show what a pilot would be and what would fail: the job script, what the scheduler and ssh say, the Pythons.

    Nothing is submitted and nothing stays. Exit code 0 if nothing speaks against the pilot, 1 otherwise.
    """
    from pilot_quantum.resource.description import PilotDescription
    from pilot_quantum.resource.launchers.dry_run import dry_run

    description = PilotDescription(url)
    with interruptible():
        opened: list[Shell] = []
        try:
            found = dry_run(description, lambda host: _shell(host, opened))
        finally:
            for shell in opened:
                getattr(shell, "close", lambda: None)()
    if json:
        import msgspec

        typer.echo(msgspec.json.encode(found).decode())
    else:
        _print(found)
    raise typer.Exit(0 if found.ok else 1)


def _shell(host: str, opened: list[Shell]) -> Shell:
    from pilot_quantum.resource.launchers.batch.local_shell import LocalShell
    from pilot_quantum.resource.launchers.openssh import OpenSSH

    shell: Shell = OpenSSH(host) if host else LocalShell()
    opened.append(shell)
    return shell


def _print(found: DryRun) -> None:
    typer.echo(found.url)
    if found.script:
        typer.echo("\nThe job script:\n")
        typer.echo("".join(f"    {line}".rstrip() + "\n" for line in found.script.splitlines()))
    for finding in found.findings:
        typer.echo(f"{'ok  ' if finding.ok else 'FAIL'} {finding.what}: {finding.found}")
        if finding.advice and not finding.ok:
            typer.echo(f"     {finding.advice}")
    if not found.ok:
        typer.echo("\nThis pilot would not come up as it is.")
