"""Nothing that a client has to keep secret stands in a log, whatever becomes of its requests."""

from __future__ import annotations


def test_no_log_holds_a_secret(confide, logged, visitor):
    visitor.ask("lab.example.org", "/loud-path")
    assert logged("loud-path") == ["/var/log/nginx/lab.access.log"], "this is how a secret would be found"
    confide("hush")
    assert logged("hush") == []
    assert logged("xxxxxxxxxx") == []
