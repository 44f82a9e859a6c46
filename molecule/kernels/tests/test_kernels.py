"""Every kernel runs a cell in a real server, for whom it is meant and for nobody else."""

from __future__ import annotations

import json
import struct
import zlib

import pytest
from notebook_client import NotebookClient

TOKEN = "0123456789abcdef0123456789abcdef"
KERNELS = "/usr/local/share/jupyter/kernels"
PNG = b"\x89PNG\r\n\x1a\n"
PREFIX = "import os, sys; print(os.path.realpath(sys.prefix))"
VERSION = "import importlib.metadata; print(importlib.metadata.version('cowsay'))"


@pytest.fixture
def lab(tunnel):
    def of(name: str) -> NotebookClient:
        port = tunnel(f"/run/jupyterlab/{name}.sock")
        return NotebookClient(f"http://127.0.0.1:{port}/", token=TOKEN)

    return of


def names(client: NotebookClient) -> set[str]:
    answer = client.get("api/kernelspecs")
    answer.raise_for_status()
    return set(answer.json()["kernelspecs"])


def large(host) -> str:
    """The large language of this host."""
    return {"bookworm": "ir", "trixie": "octave"}[host.system_info.codename]


def scanlines(png: bytes) -> list[bytes]:
    """The lines of a picture, as its file holds them."""
    assert png.startswith(PNG)
    place, data, height = len(PNG), b"", 0
    while place < len(png):
        length, kind = struct.unpack(">I4s", png[place : place + 8])
        body = png[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            height = struct.unpack(">II", body[:8])[1]
        elif kind == b"IDAT":
            data += body
        place += length + 12
    pixels = zlib.decompress(data)
    size = len(pixels) // height
    return [pixels[line * size : (line + 1) * size] for line in range(height)]


def test_shared_kernels_are_for_all_and_group_kernels_for_their_group(host, lab) -> None:
    for_all = {"python3", "five", "old", "forge", "bash", "given", "foreign", large(host)}
    assert names(lab("bob")) == for_all
    assert names(lab("alice")) == for_all | {"six"}


def test_a_groups_kernel_is_closed_to_others(host, lab) -> None:
    assert lab("bob").post("api/kernels", {"name": "six"}).status_code >= 400
    for place in (f"{KERNELS}/six/kernel.json", "/opt/jupyter-kernels/six/current/bin/python"):
        assert host.run("runuser -u bob -- test -r %s", place).rc == 1
        assert host.run("runuser -u alice -- test -r %s", place).rc == 0
    assert host.run("runuser -u bob -- test -x /opt/jupyter-kernels/five/current/bin/python").rc == 0


@pytest.mark.parametrize(
    ("kernel", "prefix", "version"),
    [
        ("python3", "/opt/jupyterlab/current/overlay", None),
        ("five", "/opt/jupyter-kernels/five/current", "5.0"),
        ("six", "/opt/jupyter-kernels/six/current", "6.1"),
        ("old", "/srv/venvs/old", "4.0"),
        ("forge", "/opt/miniforge", "4.0"),
    ],
)
def test_each_python_has_its_own_packages(host, lab, kernel: str, prefix: str, version: str | None) -> None:
    prefix = host.check_output("readlink --canonicalize %s", prefix)
    with lab("alice").kernel(kernel) as python:
        assert python.run("import subprocess, sys; print(sys.prefix)") == prefix
        assert python.run(f"print(subprocess.check_output(['python', '-c', {PREFIX!r}], text=True))") == prefix
        if version:
            assert python.run(VERSION) == version
        else:
            with pytest.raises(RuntimeError, match="PackageNotFoundError"):
                python.run(VERSION)


def test_options_of_a_site_are_passed_on(lab) -> None:
    client = lab("alice")
    with client.kernel("given") as python:
        assert python.run("import os, sys; print(sys.prefix, os.environ['FLAVOUR'])") == "/srv/venvs/old vanilla"
    specs = client.get("api/kernelspecs").json()["kernelspecs"]
    assert specs["given"]["spec"]["metadata"] == {"origin": "data"}
    assert specs["five"]["spec"]["display_name"] == "Python (five)"


def test_a_kernel_has_its_logo(lab) -> None:
    client = lab("alice")
    logo = client.get("api/kernelspecs").json()["kernelspecs"]["five"]["resources"]["logo-64x64"]
    assert client.get(logo.removeprefix("/")).content.startswith(PNG)


def test_bash_runs_commands(lab) -> None:
    with lab("bob").kernel("bash") as bash:
        assert bash.run("echo $((6 * 7)) in $(basename $HOME)") == "42 in bob"


def test_the_large_language_computes_and_draws(host, lab) -> None:
    """In a sandbox without a network, and without a word about what it draws with."""
    name = large(host)
    compute, numbers = {"ir": ("cat(6 * 7)", "c({})"), "octave": ("x = 6 * 7; disp(x)", "[{}]")}[name]
    plots = [f"plot({numbers.format(each)})" for each in ("1, 4, 9, 16", "16, 1, 9, 4")]
    with lab("bob").kernel(name) as kernel:
        assert kernel.run(compute) == "42"
        assert kernel.run(plots[0]) == ""
        (first,), (second,) = (kernel.pictures(plot) for plot in plots)
    lines = scanlines(first)
    assert len(lines) > 200
    assert len(set(lines)) > 20, "the picture is blank"
    assert lines != scanlines(second)


def test_a_notebook_becomes_a_page_and_slides(lab) -> None:
    cell = {"cell_type": "markdown", "metadata": {"slideshow": {"slide_type": "slide"}}, "source": "# A title"}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    client = lab("bob")
    client.put("api/contents/talk.ipynb", {"type": "notebook", "content": notebook}).raise_for_status()
    page = client.get("nbconvert/html/talk.ipynb")
    slides = client.get("nbconvert/slides/talk.ipynb")
    assert (page.status_code, slides.status_code) == (200, 200)
    assert "A title" in page.text
    assert "Reveal.initialize" not in page.text
    assert "A title" in slides.text
    assert "Reveal.initialize" in slides.text


def test_an_installer_was_fetched_once_and_left_its_prefix_alone(host) -> None:
    log = host.check_output("journalctl --unit=publisher --output=cat")
    assert log.count("GET /Miniforge3.sh") == 1
    assert not host.file("/srv/installer-was-here").exists
    assert host.check_output("find /opt -maxdepth 1 -name '.*' -mindepth 1") == ""
    assert not host.file("/root/.conda").exists
    assert host.check_output("find /opt/miniforge -not -type l -perm /022 -o -not -user root -o -not -group root") == ""


def test_somebody_elses_kernel_is_as_it_was(host) -> None:
    assert json.loads(host.file(f"{KERNELS}/foreign/kernel.json").content_string)["display_name"] == "Foreign"
    assert host.check_output(f"ls -A {KERNELS}/foreign") == "kernel.json"
