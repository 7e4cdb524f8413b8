"""Settings that are refused, and packages that are missing."""

import base64
import secrets
import uuid

import pytest

from spacy_mre.serving import settings
from spacy_mre.serving.settings import Settings, check_packages, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost", "localhost.", "::ffff:127.0.0.1"])
def test_only_this_machine_needs_no_token(host):
    assert is_loopback(host) and Settings(host).token is None


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "192.168.0.7", "example.org", "127.0.0.1.example.org", "::ffff:1.2.3.4"]
)
def test_other_machines_need_a_token(host):
    with pytest.raises(ValueError, match=r"M751.*SPACY_MRE_TOKEN"):
        Settings(host)
    assert Settings(host, token="abc").host == host


# A browser would write the last ones differently in the address of the studio.
@pytest.mark.parametrize("token", ["", "a b", "a\n", "é", "a%41", 'a"', "a<", "a>", "a`"])
def test_a_token_that_cannot_be_sent_everywhere(token):
    with pytest.raises(ValueError, match="M752"):
        Settings(token=token)


def test_tokens_of_the_usual_commands():
    for token in (secrets.token_urlsafe(), base64.b64encode(b"\xfb\xff\x00\x01").decode(), str(uuid.uuid4())):
        assert Settings(token=token).token == token


def test_the_token_is_not_printed():
    assert "secret" not in repr(Settings(token="secret"))


def test_a_missing_package(monkeypatch):
    monkeypatch.setattr(settings, "find_spec", lambda name: None if name == "uvicorn" else name)
    with pytest.raises(ValueError, match=r"M750.*'uvicorn'.*pip install 'spacy-mre\[serve\]'"):
        check_packages()
