"""The command `push-to-hub`: what is sent."""

from zipfile import ZipFile

import pytest

from spacy_mre.cli.push_to_hub import REPOSITORY, unpack

TOP = "ja_names/ja_names-0.1.0"
FILES = {
    "ja_names/__init__.py": "",
    "ja_names/meta.json": "{}",
    f"{TOP}/config.cfg": "[nlp]",
    f"{TOP}/meta.json": "{}",
    f"{TOP}/README.md": "# ja_names",
    f"{TOP}/spert_mt/model": "weights",
    "ja_names-0.1.0.dist-info/METADATA": "Name: ja_names",
}


def make_wheel(folder, files):
    path = folder / "ja_names-0.1.0-py3-none-any.whl"
    with ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_the_pipeline_is_at_the_top(tmp_path):
    wheel = make_wheel(tmp_path, FILES)
    unpack(wheel, tmp_path / "out")
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == {"config.cfg", "meta.json", "README.md", "spert_mt/model", wheel.name}
    assert (tmp_path / "out" / wheel.name).read_bytes() == wheel.read_bytes()


def test_a_dry_run_sends_nothing(run, tmp_path, monkeypatch):
    huggingface_hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: pytest.fail("the hub was called"))
    shown = run("push-to-hub", make_wheel(tmp_path, FILES), "someone/ja_names", "--dry-run")
    assert "README.md" in shown and "spert_mt/model" in shown and "Nothing was sent" in shown


def test_what_the_hub_gets(run, tmp_path, monkeypatch):
    huggingface_hub = pytest.importorskip("huggingface_hub")
    calls = []

    class Hub:
        def create_repo(self, repository, private, exist_ok):
            calls.append((repository, private, exist_ok))
            return f"https://localhost/{repository}"

        def upload_folder(self, repo_id, folder_path, commit_message):
            calls.append((repo_id, sorted(path.name for path in folder_path.iterdir()), commit_message))

    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    wheel = make_wheel(tmp_path, FILES)
    assert "https://localhost/someone/ja_names" in run("push-to-hub", wheel, "someone/ja_names", "--private")
    files = ["README.md", "config.cfg", wheel.name, "meta.json", "spert_mt"]
    assert calls == [
        ("someone/ja_names", True, True),
        ("someone/ja_names", sorted(files), "Update the pipeline"),
    ]
    monkeypatch.setattr(Hub, "create_repo", lambda *_, **__: (_ for _ in ()).throw(OSError("no network")))
    assert "M621" in run("push-to-hub", wheel, "someone/ja_names", code=1)


@pytest.mark.parametrize(
    "missing, reason", [(f"{TOP}/config.cfg", "no spaCy pipeline"), (f"{TOP}/README.md", "`card`")]
)
def test_other_wheels_are_refused(run, tmp_path, missing, reason):
    wheel = make_wheel(tmp_path, {name: content for name, content in FILES.items() if name != missing})
    assert "M619" in (shown := run("push-to-hub", wheel, "a/b", "--dry-run", code=1)) and reason in shown


def test_a_file_that_is_no_wheel(run, tmp_path):
    (tmp_path / "a.whl").write_text("text")
    assert "M619" in run("push-to-hub", tmp_path / "a.whl", "a/b", "--dry-run", code=1)


@pytest.mark.parametrize(
    "name", ["a/b/c", "a/-b", "a--b", "a/b.git", "a/b..c", "a/b c", "a/", "", "a/" + "b" * 97, "あ/b"]
)
@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_a_name_that_no_repository_can_have(run, tmp_path, monkeypatch, name, options):
    huggingface_hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: pytest.fail("the hub was called"))
    assert f"[M622] '{name}' cannot be" in run("push-to-hub", make_wheel(tmp_path, FILES), name, *options, code=1)


@pytest.mark.parametrize("name", ["names", "a/b", "A-1/b_c.d-e", "a/" + "b" * 96])
def test_names_that_repositories_can_have(name):
    validators = pytest.importorskip("huggingface_hub.utils")
    assert REPOSITORY.fullmatch(name)
    validators.validate_repo_id(name)
