"""What changes, from what a host lets in and what it shall let in."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.plan import (
    Plan,
    plan_absent,
    plan_table,
    plan_ufw,
)
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.rules import Opening
from ansible_collections.nbops.jupyter.plugins.module_utils._firewall.state import PresentState

PATH = "/etc/table.nft"
SSH, WEB, METRICS = Opening(22), Opening(80), Opening(9100)


def state(**more: Any) -> PresentState:
    return PresentState(**{"is_pending": False, "table": "", "file": None, "ours": [], "theirs": [], **more})


def unchanged(plan: Plan) -> bool:
    return not plan.revert and not plan.is_change()


@pytest.mark.parametrize(
    ("present", "loaded", "load"),
    [
        (state(), "listed", "text"),
        (state(file="text", table="listed"), "listed", None),
        (state(file="other", table="listed"), "listed", "text"),
        (state(file="text", table="edited by hand"), "listed", "text"),
        (state(file="text"), "listed", "text"),
        (state(file="text"), None, None),
        (state(), None, "text"),
    ],
)
def test_a_table_is_loaded_where_the_file_or_the_kernel_differs(present, loaded, load):
    plan = plan_table(present, PATH, "text", loaded)
    assert plan.load == load
    assert plan.is_change() == bool(load)
    assert bool(plan.diff) == (present.file != "text")


def test_a_table_leaves_no_rule_of_ours_in_ufw():
    plan = plan_table(state(file="text", table="listed", ours=[WEB], theirs=[SSH]), PATH, "text", "listed")
    assert (plan.load, plan.add, plan.delete) == (None, [], [WEB])
    assert plan.is_change()


def test_ufw_gets_what_nobody_else_opens_and_loses_what_is_no_longer_listed():
    plan = plan_ufw(state(ours=[WEB], theirs=[SSH]), [SSH, METRICS])
    assert (plan.add, plan.delete) == ([METRICS], [WEB])
    (diff,) = plan.diff
    assert diff["before"] == "allow proto tcp from any to any port 80\n"
    assert diff["after"] == "allow proto tcp from any to any port 9100\n"
    assert unchanged(plan_ufw(state(ours=[METRICS], theirs=[SSH]), [SSH, METRICS]))


@pytest.mark.parametrize("left", [{"table": "listed"}, {"file": "text"}])
def test_ufw_has_no_table_beside_it(left):
    plan = plan_ufw(state(ours=[SSH], **left), [SSH])
    assert (plan.remove_table, plan.remove_file) == ("table" in left, "file" in left)
    assert plan.is_change()


@pytest.mark.parametrize("left", [{"table": "listed"}, {"file": "text"}, {"ours": [WEB]}])
def test_absent_takes_away_all_that_is_ours(left):
    plan = plan_absent(state(theirs=[SSH], **left))
    assert (plan.delete, plan.remove_table, plan.remove_file) == (left.get("ours", []), "table" in left, "file" in left)
    assert plan.is_change()
    assert unchanged(plan_absent(state(theirs=[SSH])))


def test_a_change_that_is_not_confirmed_yet_is_reverted_first():
    present = state(is_pending=True, file="text", table="listed")
    plans = [plan_table(present, PATH, "text", "listed"), plan_ufw(state(is_pending=True), []), plan_absent(present)]
    assert [plan.revert for plan in plans] == [True, True, True]
    assert not plans[0].is_change()
