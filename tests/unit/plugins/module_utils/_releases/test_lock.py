"""Locks: what is read from them, what applies where, and what differs between two."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._releases import lock
from packaging.markers import Marker

HASH = "--hash=sha256:" + "0" * 64
DEBIAN_12 = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "python_full_version": "3.11.2",
    "python_version": "3.11",
    "sys_platform": "linux",
}


def pins(*lines: str) -> list[lock.Pin]:
    return lock.parse_lock("".join(f"{line} {HASH}\n" for line in lines))


def test_layout_and_comments_of_a_lock_do_not_matter() -> None:
    wide = f"# made by a tool\nAlpha_One==1.0 ; python_version < '3.12' {HASH} --hash=sha512:ab\n"
    narrow = f"\nAlpha_One==1.0   ;  python_version < '3.12' \\\n    {HASH}  \\\n    --hash=sha512:ab\n    # via beta\n"
    assert lock.parse_lock(wide) == lock.parse_lock(narrow)
    [pin] = lock.parse_lock(narrow)
    assert (pin.name, pin.version, pin.marker) == ("alpha-one", "1.0", "python_version < '3.12'")
    assert pin.constraint == "alpha-one==1.0 ; python_version < '3.12'"


def test_extras_and_local_versions_are_kept() -> None:
    [pin] = pins("alpha[fast,small]==1.0+local.1")
    assert (pin.name, pin.version) == ("alpha", "1.0+local.1")
    assert pin.text.startswith("alpha[fast,small]==1.0+local.1 ")


@pytest.mark.parametrize(
    "line",
    [
        "alpha==1.0",
        f"alpha>=1.0 {HASH}",
        f"alpha==1.* {HASH}",
        f"alpha {HASH}",
        f"alpha @ https://example.org/alpha.whl {HASH}",
        "-r other.txt",
        "--index-url https://example.org/simple",
        "./alpha",
        f"-e . {HASH}",
    ],
)
def test_a_lock_holds_only_pins_with_hashes(line: str) -> None:
    with pytest.raises(ValueError, match="a lock holds only lines of the form name==version"):
        lock.parse_lock(line)


@pytest.mark.parametrize(
    ("specifier", "name", "rest"),
    [
        ("pandas", "pandas", ""),
        (" Pandas >= 2, < 3 ", "pandas", ">= 2, < 3"),
        ("alpha[fast]~=1.0", "alpha", "~=1.0"),
        ("alpha==1.0; python_version<'3.12'", "alpha", "==1.0; python_version<'3.12'"),
        ("alpha ; os_name == 'nt'", "alpha", "; os_name == 'nt'"),
    ],
)
def test_a_specifier_is_a_name_and_a_version(specifier: str, name: str, rest: str) -> None:
    assert lock.split_specifier(specifier) == (name, rest)


@pytest.mark.parametrize(
    "specifier",
    ["", "--pre", "-e .", "./alpha", "/srv/alpha.whl", "alpha @ https://example.org/a.whl", "git+ssh://h/a", "a b"],
)
def test_a_specifier_is_nothing_else(specifier: str) -> None:
    with pytest.raises(ValueError, match="not a package name"):
        lock.split_specifier(specifier)


@pytest.mark.parametrize(
    ("marker", "applies"),
    [
        ("", True),
        ("python_full_version < '3.11'", False),
        ("python_full_version >= '3.11'", True),
        ("python_full_version < '3.11.5'", True),
        ("python_full_version >= '3.11.5'", False),
        ("python_version == '3.11'", True),
        ("python_version >= '3.9'", True),
        ("'3.9' <= python_version", True),
        ("python_full_version == '3.11.*'", True),
        ("python_full_version != '3.11.*'", False),
        ("python_full_version == '3.1.*'", False),
        ("sys_platform == 'win32'", False),
        ("sys_platform != 'win32' and sys_platform != 'emscripten'", True),
        ("os_name == 'nt' or (python_version < '3.12' and implementation_name == 'cpython')", True),
        ("platform_machine in 'x86_64 aarch64'", True),
        ("platform_machine not in 'x86_64 aarch64'", False),
        # What is not understood counts as applying: it may well be installed.
        ("extra == 'fast'", True),
        ("python_version ~= '3.9'", True),
        ("python_version < unknown", True),
        ("__import__('os').system('true')", True),
        ("1 < 2", True),
    ],
)
def test_markers(marker: str, applies: bool) -> None:
    assert lock.marker_applies(marker, DEBIAN_12) is applies


OPERATORS = ("==", "!=", "<", "<=", ">", ">=")
VERSIONS = ("3", "3.1", "3.9", "3.11", "3.11.0", "3.11.2", "3.11.10", "3.12", "4")
COMPARISONS = [
    *(
        f"{variable} {operator} '{version}'"
        for variable in ("python_version", "python_full_version")
        for operator in OPERATORS
        for version in VERSIONS
    ),
    *(f"'{version}' {operator} python_full_version" for operator in OPERATORS for version in VERSIONS),
    *(f"python_full_version {operator} '{version}.*'" for operator in ("==", "!=") for version in VERSIONS),
    *(
        f"{variable} {operator} '{value}'"
        for operator in ("==", "!=")
        for variable, value in DEBIAN_12.items()
        if "version" not in variable
    ),
    *(f"platform_machine {operator} 'x86_64 aarch64'" for operator in ("in", "not in")),
]


@pytest.mark.parametrize("interpreter", ["3.9.2", "3.11.2", "3.11.10", "3.12.0", "3.13.5"])
def test_markers_hold_where_packaging_says_so(interpreter: str) -> None:
    environment = {**DEBIAN_12, "python_full_version": interpreter, "python_version": interpreter.rpartition(".")[0]}
    pairs = [f"{one} {word} {other}" for word in ("and", "or") for one, other in zip(COMPARISONS, COMPARISONS[1:])]
    markers = [*COMPARISONS, *pairs]
    expected = {marker: Marker(marker).evaluate({**environment}) for marker in markers}
    assert {marker: lock.marker_applies(marker, environment) for marker in markers} == expected
    assert set(expected.values()) == {True, False}


def test_one_version_of_a_forked_package_applies() -> None:
    forked = pins(
        "alpha==1.0 ; python_full_version < '3.11'", "alpha==2.0 ; python_full_version >= '3.11'", "beta==3.0"
    )
    assert lock.applicable(forked, DEBIAN_12) == {"alpha": "2.0", "beta": "3.0"}


def test_an_extended_lock_keeps_the_given_hashes() -> None:
    given = pins("alpha==1.0")
    resolved = lock.parse_lock("alpha==1.0 --hash=sha256:ff\nbeta==2.0 --hash=sha256:ee\n")
    assert lock.extend_lock(given, resolved) == f"alpha==1.0 {HASH}\nbeta==2.0 --hash=sha256:ee\n"
    assert lock.parse_lock(lock.extend_lock(given, resolved)) == [given[0], resolved[1]]


def test_differences() -> None:
    assert lock.compare_packages({"a": "1", "b": "1", "c": "1"}, {"b": "1", "c": "2", "d": "1"}) == {
        "added": {"d": "1"},
        "removed": {"a": "1"},
        "changed": {"c": {"before": "1", "after": "2"}},
    }
