"""Makes a release in a clone, proves its tarball there, and only then moves the checkout on by the one commit.

`script/release` says how it is called, and gives it the locked tools.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml
from ansible.utils.version import SemanticVersion

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs/site"))
import pages  # noqa: E402 (found by the path above)

# ansible-core alone: the collection names no other collection as its dependency.
TOOLS = ROOT / ".cache/documentation/bin"
# Galaxy refuses a collection without any of these tags.
GALAXY_TAGS = {
    *("application", "cloud", "database", "infrastructure", "linux"),
    *("monitoring", "networking", "security", "storage", "tools", "windows"),
}
DESCRIBED = ("readme", "authors", "description", "license", "repository", "documentation", "homepage", "issues")
VERSION_ADDED = re.compile(r"""(?<=version_added: )(["']?)([0-9][\w.+-]*)\1""")
STAMPED = ("plugins/*.py", "roles/*/argument_specs.yml", "benchmarks/callback_plugins/*.py")
BUILDER = ROOT / ".cache/forge/bin/ansible-builder"
# What is no use without all of its files.
WHOLE = ("examples", "files", "meta", "playbooks", "plugins", "roles")
# The last task of a run whose host has a shell that answers nothing; what is wrong with variables is told before it.
ASKED = "Reach the host as root"
NOWHERE = {"ansible_connection": "local", "ansible_shell_executable": "/nonexistent/sh"}
# The passwords that the examples ask for.
VAULTS = {
    "jupyterlab": {"vault_lab_password": "of the vault"},
    "jupyterhub": {"vault_ada_password": "of the vault", "vault_bob_password": "of the vault"},
}


class Refused(Exception):
    """What is in the way of a release, for a person."""


def semantic(version: str) -> SemanticVersion | None:
    """The version as one that can be compared; None for what is no semantic version."""
    try:
        return SemanticVersion(version)
    except ValueError:
        return None


def last_release(changelog: dict) -> str | None:
    """The newest version in `changelogs/changelog.yaml`."""
    return max(changelog.get("releases", {}), key=SemanticVersion, default=None)


def problems(version: str, last: str | None, fragments: list[str], galaxy: dict) -> list[str]:
    """What is in the way of releasing `version` after `last`, in sentences."""
    found = []
    wanted = semantic(version)
    if wanted is None:
        found.append(f"{version} is no semantic version; write it as 1.2.3, or 1.2.3-rc.1")
    elif last is not None and wanted <= SemanticVersion(last):
        found.append(f"{version} is not newer than {last}, the last release")
    if not fragments:
        found.append("changelogs/fragments/ is empty, so there is nothing to release")
    found += [f"galaxy.yml has no {key}" for key in DESCRIBED if not galaxy.get(key)]
    if not GALAXY_TAGS & set(galaxy.get("tags", [])):
        found.append(f"galaxy.yml has none of the tags that Galaxy asks for: {', '.join(sorted(GALAXY_TAGS))}")
    return found


def problems_of_released(version: str, last: str | None, tag: str | None) -> list[str]:
    """Where a tree is not the release `version` that its tag, if there is one, says."""
    found = []
    if version != last:
        found.append(f"galaxy.yml has the version {version}, and the changelog ends with {last}")
    if tag not in (None, f"v{version}"):
        found.append(f"the tag is {tag}, and galaxy.yml has the version {version}")
    return found


def problems_of_tree() -> list[str]:
    """Why no commit may be added to the tree."""
    found = []
    if (branch := run("git", "branch", "--show-current").strip()) != "main":
        found.append(f"a release is made on main, and this is {branch or 'no branch'}")
    if run("git", "status", "--porcelain"):
        found.append("there are changes that are not committed")
    return found


def stamped(text: str, version: str, last: str | None) -> str:
    """The text of a plugin or role, in which what came after the `last` release came with `version`."""

    def stamp(match: re.Match[str]) -> str:
        quote, added = match.groups()
        return match.group() if last and SemanticVersion(added) <= SemanticVersion(last) else f"{quote}{version}{quote}"

    return VERSION_ADDED.sub(stamp, text)


def dead_links(root: pathlib.Path) -> list[str]:
    """What pages below `root` link to and is not there, each with its page."""
    found = []
    for path in sorted(root.rglob("*.md")):
        page = str(path.relative_to(root))
        targets = {pages.target(page, link.group())[0] for link in pages.links(path.read_text())}
        found += [f"{target} (in {page})" for target in sorted(targets) if not (root / target).exists()]
    return found


def run(*command: str | pathlib.Path, cwd: pathlib.Path = ROOT, env: dict[str, str] | None = None) -> str:
    """What a command prints; its own words are in the refusal when it fails."""
    done = subprocess.run(command, cwd=cwd, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Refused(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout


def say(text: str) -> None:
    print(f"release: {text}", file=sys.stderr)


def write_release(clone: pathlib.Path, version: str, last: str | None) -> None:
    """Set the version wherever it stands, and turn the fragments into the changelog."""
    galaxy = clone / "galaxy.yml"
    galaxy.write_text(re.sub(r"^version: .*$", f"version: {version}", galaxy.read_text(), flags=re.MULTILINE))
    for path in run("git", "ls-files", *STAMPED, cwd=clone).splitlines():
        (clone / path).write_text(stamped((clone / path).read_text(), version, last))
    run("antsibull-changelog", "release", "--version", version, cwd=clone)


def commit(clone: pathlib.Path, version: str) -> None:
    """Give the checkout the commit of the release, in the name of its owner."""
    for key in ("user.name", "user.email"):
        run("git", "config", key, run("git", "config", key).strip(), cwd=clone)
    run("git", "add", "--all", cwd=clone)
    run("git", "commit", "--quiet", "--message", f"Release {version}", cwd=clone)
    run("git", "pull", "--quiet", "--ff-only", clone, "main")


class Installed:
    """The tarball in an empty directory, where nothing of the checkout is seen."""

    def __init__(self, tarball: pathlib.Path, clone: pathlib.Path, work: pathlib.Path) -> None:
        self.clone = clone
        self.work = work
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")} | {
            "ANSIBLE_COLLECTIONS_PATH": str(work / "installed"),
            "ANSIBLE_HOME": str(work / "home"),
            "PATH": f"{TOOLS}:{os.environ['PATH']}",
        }
        (work / "installed").mkdir()
        self.run("ansible-galaxy", "collection", "install", "--offline", "-p", str(work / "installed"), str(tarball))
        self.path = work / "installed/ansible_collections/nbops/jupyter"

    def run(self, *command: str) -> str:
        return run(*command, cwd=self.work, env=self.env)

    def prove(self) -> None:
        """Raise Refused where something of the repository does not work from the tarball."""
        self._is_whole()
        for kind, folder in (("module", "modules"), ("filter", "filter"), ("lookup", "lookup"), ("test", "test")):
            self._is_documented(kind, [path.stem for path in (self.clone / "plugins" / folder).glob("*.py")])
        self._is_documented("role", [path.name for path in (self.clone / "roles").iterdir()])
        playbooks = sorted(f"nbops.jupyter.{path.stem}" for path in (self.clone / "playbooks").glob("*.yml"))
        self.run("ansible-playbook", "--syntax-check", *playbooks)
        self._says_what_it_needs()
        for example, vault in VAULTS.items():
            self._accepts(example, vault)

    def _is_whole(self) -> None:
        needed = run("git", "ls-files", *WHOLE, cwd=self.clone).splitlines()
        missing = sorted(path for path in needed if not (self.path / path).exists()) + dead_links(self.path)
        if missing:
            raise Refused(f"not in the tarball: {', '.join(missing)}; see build_ignore in galaxy.yml")

    def _is_documented(self, kind: str, names: list[str]) -> None:
        names = [f"nbops.jupyter.{name}" for name in names]
        # ansible-doc only warns of what it does not find.
        if missing := set(names) - set(json.loads(self.run("ansible-doc", "--json", "--type", kind, *names))):
            raise Refused(f"ansible-doc does not find: {', '.join(sorted(missing))}")

    def _says_what_it_needs(self) -> None:
        """An execution environment gets what the files of the repository say."""
        found = yaml.safe_load(self.run(str(BUILDER), "introspect", str(self.work / "installed")))
        for kind, file in (("python", "requirements.txt"), ("system", "bindep.txt")):
            needed = [line for line in (self.clone / file).read_text().splitlines() if not line.startswith("#")]
            told = [line.partition("  #")[0] for line in found[kind]]
            if told != needed:
                raise Refused(f"ansible-builder reads {told}, and {file} says {needed}")

    def _accepts(self, example: str, vault: dict[str, str]) -> None:
        hosts = str(self.path / "examples" / example / "hosts.yml")
        command = ["ansible-playbook", "--inventory", hosts, f"nbops.jupyter.{example}"]
        command += ["--extra-vars", json.dumps(NOWHERE | vault)]
        done = subprocess.run(command, cwd=self.work, env=self.env, check=False, capture_output=True, text=True)
        tasks = re.findall(r"^TASK \[(?:.* : )?(.*)\]", done.stdout, re.MULTILINE)
        if tasks[-1:] != [ASKED]:
            raise Refused(f"examples/{example} does not get as far as '{ASKED}':\n{done.stdout}{done.stderr}")


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/release")
    parser.add_argument("version", nargs="?", metavar="VERSION")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--check", action="store_true", help="change nothing")
    ways.add_argument("--tag", metavar="TAG", help="only make the tarball of a release that is tagged so")
    given = parser.parse_args(arguments)
    if bool(given.version) == bool(given.tag) and not given.check:
        parser.error("name a VERSION, or the TAG of one")
    return given


def main(arguments: list[str]) -> None:
    given = parsed(arguments)
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    changelog = ROOT / "changelogs/changelog.yaml"
    last = last_release(yaml.safe_load(changelog.read_text()) if changelog.exists() else {})
    fragments = sorted(path.name for path in (ROOT / "changelogs/fragments").glob("*.y*ml"))
    # Right after a release there is nothing to write, so a check proves what was released.
    writes = not given.tag and bool(given.version or fragments)
    version = given.version or ("999.0.0" if writes else galaxy["version"])
    found = problems(version, last, fragments, galaxy) if writes else problems_of_released(version, last, given.tag)
    if not given.check and not given.tag:
        found += problems_of_tree()
    if found:
        raise Refused("\n".join(found))

    with tempfile.TemporaryDirectory() as directory:
        work = pathlib.Path(directory)
        clone = work / "ansible_collections/nbops/jupyter"
        run("git", "clone", "--quiet", ROOT, clone)
        if writes:
            say(f"writing version {version} and the changelog")
            write_release(clone, version, last)
        say("building the tarball")
        run("ansible-galaxy", "collection", "build", "--output-path", work, cwd=clone)
        tarball = work / f"nbops-jupyter-{version}.tar.gz"
        say("installing it into an empty directory, and using it there")
        Installed(tarball, clone, work).prove()
        if given.check:
            say("ready")
            return
        if not given.tag:
            commit(clone, version)
        shutil.copy(tarball, ROOT)
    say(f"{tarball.name} is here")
    if not given.tag:
        say("main has the commit. Look at both; what remains, to publish them by the workflow Release:")
        print(f'git tag --annotate v{version} --message "nbops.jupyter {version}"')
        print(f"git push --atomic origin main v{version}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Refused as refusal:
        sys.exit(f"script/release: {refusal}")
