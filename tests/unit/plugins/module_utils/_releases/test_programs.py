"""Programs of a build: their environment, their failures, and the locks that they keep."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._releases.programs import BuildError, Programs
from ansible_collections.nbops.jupyter.plugins.module_utils._sandbox.foreign import Sandbox


class Recorder:
    """Pretends to run a program, and remembers how it was asked to."""

    def __init__(self, *answer: object) -> None:
        self.answer = answer or (0, "", "")
        self.settings: dict = {}

    def __call__(self, argv: list[str], **settings: object) -> tuple:
        self.settings = {"argv": argv, **settings, "pass_fds": list(settings["pass_fds"])}
        return self.answer


def test_a_program_gets_its_environment_and_the_usual_path() -> None:
    recorder = Recorder()
    Programs(recorder, str).run(["/bin/true", "$HOME"], "it", {"LANG": "C"}, cwd="/srv")
    assert recorder.settings["argv"][-2:] == ["/bin/true", "$HOME"]
    assert recorder.settings["environ_update"].items() >= {"LANG": "C", "LC_ALL": "C.UTF-8"}.items()
    assert "/usr/bin" in recorder.settings["environ_update"]["PATH"]
    assert (recorder.settings["cwd"], recorder.settings["expand_user_and_vars"]) == ("/srv", False)


def test_what_starts_foreign_code_looks_for_nothing_where_packages_have_programs() -> None:
    recorder = Recorder()
    Programs(recorder, str).run(["/bin/true"], "it", {"PATH": "/srv/release/bin"}, cwd="/srv", sandbox=Sandbox())
    assert "/srv" not in recorder.settings["environ_update"]["PATH"]
    assert recorder.settings["cwd"] == "/"


def test_a_failure_shows_the_end_of_what_was_said_without_secrets() -> None:
    output = "".join(f"line {number}\n" for number in range(100))
    programs = Programs(Recorder(3, output, "s3cret\n"), lambda text: text.replace("s3cret", "***"))
    with pytest.raises(BuildError) as failure:
        programs.run(["/bin/false"], "fetching", {})
    lines = str(failure.value).splitlines()
    assert (lines[0], lines[-1]) == ("fetching failed with status 3", "***")
    assert "line 99" in lines
    assert "line 50" not in lines


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        (
            "Failed to fetch: `https://index/simple/six/`\nerror sending request for url\nConnection refused",
            "index did not",
        ),
        ("pip._vendor.urllib3.exceptions.NewConnectionError: [Errno 111] Connection refused", "index did not"),
        ("failed to write: No space left on device (os error 28)", "Make room"),
    ],
)
def test_a_failure_says_what_to_do(said: str, advice: str) -> None:
    with pytest.raises(BuildError) as failure:
        Programs(Recorder(2, "", said), str).run(["uv"], "uv", {})
    assert advice in str(failure.value).splitlines()[-1]


@pytest.mark.parametrize(
    ("said", "sandbox"),
    [
        ("six was not found in the package registry", None),
        # A package's own program means another place.
        ("error sending request", Sandbox()),
    ],
)
def test_other_failures_speak_for_themselves(said: str, sandbox: Sandbox | None) -> None:
    with pytest.raises(BuildError) as failure:
        Programs(Recorder(2, "", said), str).run(["uv"], "uv", {}, sandbox=sandbox)
    assert str(failure.value).splitlines()[-1] == said


def test_a_failure_may_be_of_no_concern() -> None:
    Programs(Recorder(1, "", ""), str).run(["/bin/false"], "it", {}, check=False)


@pytest.mark.parametrize(("timeout", "message"), [(7, "took more than 7 seconds"), (0, "failed with status 124")])
def test_running_out_of_time_is_said(timeout: int, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        Programs(Recorder(124, "", ""), str).run(["/bin/sleep"], "it", {}, timeout=timeout)


def test_an_installer_keeps_the_lock_and_a_limited_command_does_not() -> None:
    recorder = Recorder()
    programs = Programs(recorder, str)
    with programs.keeping(5), programs.keeping(6):
        programs.run(["/bin/true"], "it", {})
        assert recorder.settings["pass_fds"] == [5, 6]
        programs.run(["/bin/true"], "it", {}, timeout=1)
        assert recorder.settings["pass_fds"] == []
    programs.run(["/bin/true"], "it", {})
    assert recorder.settings["pass_fds"] == []
