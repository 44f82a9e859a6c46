"""Mozilla's profile "modern", after the host had the other one."""

from __future__ import annotations

import pytest


def test_mozilla_grades_it_modern(mozilla):
    assert mozilla("modern") == set()


def test_testssl_finds_nothing_but_the_exceptions(testssl):
    report = testssl("modern")
    assert report.faults == report.excused
    assert report.says("overall_grade") == "A+"
    assert report.says("TLS1_2") == "not offered"
    assert testssl("intermediate").says("TLS1_2") == "offered"


@pytest.mark.parametrize("name", ["lab.example.org", "other.example.org"])
def test_one_version_is_left(handshake, name):
    handshake(name, "-tls1_3")
    with pytest.raises(AssertionError, match="alert protocol version"):
        handshake(name, "-tls1_2")


def test_unknown_names_are_rejected_still(handshake):
    with pytest.raises(AssertionError, match="unrecognized name"):
        handshake("nobody.example.org")
