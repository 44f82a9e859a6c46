"""Metrics are written as Prometheus reads them."""

from __future__ import annotations

from ansible_collections.nbops.jupyter.plugins.module_utils._files import textfile


def test_a_metric_says_what_it_is_before_its_samples() -> None:
    samples = [({"run": "backup", "host": "old"}, "1"), ({"run": "check", "host": "old"}, "0.5")]
    assert textfile.metric("nbops_success", "gauge", "Whether all went well.", samples) == (
        "# HELP nbops_success Whether all went well.\n"
        "# TYPE nbops_success gauge\n"
        'nbops_success{run="backup",host="old"} 1\n'
        'nbops_success{run="check",host="old"} 0.5\n'
    )


def test_a_sample_may_have_no_labels() -> None:
    assert textfile.metric("nbops_time", "gauge", "Time.", [({}, "17")]).splitlines()[2:] == ["nbops_time 17"]


def test_labels_are_quoted() -> None:
    line = textfile.metric("nbops_servers", "gauge", "Servers.", [({"user": 'a"b\\c\nd'}, "1")]).splitlines()[2]
    assert line == 'nbops_servers{user="a\\"b\\\\c\\nd"} 1'
