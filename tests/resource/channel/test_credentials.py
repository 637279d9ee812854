from __future__ import annotations

import msgspec
import pytest
import rich.pretty

from pilot_quantum.resource.channel.credentials import Credentials, new_token


def test_secrets_are_in_no_text(credentials):
    token = new_token()
    held = Credentials(certificate_pem=credentials.certificate_pem, key_pem=credentials.key_pem, token=token)
    for text in (repr(held), str(held), f"{held}", rich.pretty.pretty_repr(held), rich.pretty.pretty_repr([held])):
        assert "PRIVATE" not in text
        assert repr(token)[2:10] not in text
        assert "BEGIN" not in text


def test_an_agent_gets_no_key(credentials):
    token = new_token()
    given = credentials.for_allocation(token)
    assert (given.key_pem, given.token, given.certificate_pem) == ("", token, credentials.certificate_pem)
    with pytest.raises(ValueError, match="no private key"):
        given.server_context()


def test_a_file_of_credentials_is_ours_alone(credentials, tmp_path):
    path = tmp_path / "credentials.json"
    path.write_text("an older one")
    path.chmod(0o644)
    written = credentials.for_allocation(new_token())
    written.write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Credentials.read(path) == written
    assert [entry.name for entry in tmp_path.iterdir()] == ["credentials.json"]
    path.chmod(0o640)
    with pytest.raises(PermissionError, match="can be read by others"):
        Credentials.read(path)


def test_a_damaged_file_does_not_tell_its_secrets(tmp_path):
    path = tmp_path / "credentials.json"
    path.write_text('{"certificate_pem": "x", "key_pem": "hush", "token": 7}')
    path.chmod(0o600)
    with pytest.raises(msgspec.DecodeError) as caught:
        Credentials.read(path)
    assert "hush" not in str(caught.value)


def test_every_token_and_certificate_is_another(credentials):
    assert new_token() != new_token()
    assert len(new_token()) == 32
    assert Credentials.make().certificate_pem != credentials.certificate_pem
