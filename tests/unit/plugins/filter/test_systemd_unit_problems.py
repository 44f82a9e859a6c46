"""The filter's own part: types. The rules have their tests beside them."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.nbops.jupyter.plugins.filter.systemd_unit_problems import FilterModule

check = FilterModule().filters()["systemd_unit_problems"]


def test_problems_and_their_absence() -> None:
    assert check([{"name": "a@b.service"}], {}) == []
    assert check([{"name": "a"}], {})[0].startswith("a: a unit's name")


@pytest.mark.parametrize(
    ("units", "profiles", "words"),
    [
        ("hunter2", {}, "list of mappings; got str"),
        ([{"name": "a.service"}, "hunter2"], {}, "list of mappings; one is str"),
        ([], ["hunter2"], "mapping of profiles; got list"),
    ],
)
def test_wrong_types_are_named_and_values_are_not(units: object, profiles: object, words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words) as error:
        check(units, profiles)
    assert "hunter2" not in str(error.value)
