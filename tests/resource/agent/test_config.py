"""What an agent must know: where it is kept, and that it does not show."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from pilot_quantum.resource.agent.config import AgentConfig
from pilot_quantum.resource.channel.credentials import Credentials

TOKEN = b"a secret of 32 bytes, or about it"


@pytest.fixture
def config() -> AgentConfig:
    credentials = Credentials(certificate_pem="CERT", token=TOKEN)
    return AgentConfig(
        pilot="p",
        allocation="p.1",
        credentials=credentials,
        engine="dask",
        addresses=(("10.0.0.1", 4711),),
        capabilities=frozenset({"simulator"}),
        hosts=("a", "b"),
    )


def test_it_is_read_as_it_was_written_and_only_its_owner_can(config: AgentConfig, tmp_path: Path) -> None:
    path = tmp_path / "agent.json"
    config.write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert AgentConfig.load(str(path)) == config
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_others_may_read_is_refused(config: AgentConfig, tmp_path: Path) -> None:
    path = tmp_path / "agent.json"
    config.write(path)
    path.chmod(0o640)
    with pytest.raises(PermissionError, match="chmod 600"):
        AgentConfig.load(str(path))


def test_it_comes_on_the_first_line_of_stdin(config: AgentConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(config.to_json() + b"\nmore")))
    assert AgentConfig.load("-") == config


def test_what_is_none_is_refused_without_showing_it(tmp_path: Path) -> None:
    path = tmp_path / "agent.json"
    path.write_bytes(b'{"pilot": "p", "token": "' + TOKEN + b'"}')
    os.chmod(path, 0o600)
    with pytest.raises(ValueError, match="no agent's configuration") as caught:
        AgentConfig.load(str(path))
    assert TOKEN.decode() not in str(caught.value)
    assert caught.value.__suppress_context__


def test_its_secrets_do_not_show(config: AgentConfig) -> None:
    assert "secret" not in repr(config)
    assert "secret" not in f"{config}"
