"""The configuration of a host, as `nginx -T` prints it."""

from __future__ import annotations

import pytest
from ansible_collections.nbops.jupyter.plugins.module_utils._nginx.parser import (
    Listener,
    directives,
    endpoint,
    listeners,
    parse,
    values,
)

DUMP = """\
# configuration file /etc/nginx/nginx.conf:
user www-data adm; # who serves
events { worker_connections 768; }
http {
    include /etc/nginx/conf.d/*.conf;
}

# configuration file /etc/nginx/conf.d/a.conf:
server {
    listen 443 ssl default_server; listen [::]:443 ssl;
    # listen 8443 ssl;
    server_name "a b";
    location / { return 200 "listen 9; } # {"; }
}
"""


def test_the_dump_is_split_into_files():
    assert [file.path for file in parse(DUMP)] == ["/etc/nginx/nginx.conf", "/etc/nginx/conf.d/a.conf"]


def test_an_empty_dump_has_no_files():
    assert parse("") == []


def test_directives_with_comments_quotes_and_variables_are_parsed():
    text = 'a \'b; # c\' "d\\"}" ${e}f; # g;\nh { i#j; }'
    assert list(directives(text)) == [["a", "b; # c", 'd\\"}', "${e}f"], ["h", "{"], ["i#j"], ["}"]]


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("80", "*:80"),
        ("*:81", "*:81"),
        ("0.0.0.0:80", "*:80"),
        ("127.0.0.1", "127.0.0.1:80"),
        ("localhost:8000", "localhost:8000"),
        ("[::]:443", "[::]:443"),
        ("[::1]", "[::1]:80"),
        ("unix:/run/a.sock", "unix:/run/a.sock"),
    ],
)
def test_an_endpoint_has_one_spelling(word, meaning):
    assert endpoint(word) == meaning


def test_listeners_of_server_blocks():
    file = parse(DUMP)[1]
    assert listeners(file) == [
        Listener(file.path, "*:443", default=True, ssl=True, names=("a b",)),
        Listener(file.path, "[::]:443", default=False, ssl=True, names=("a b",)),
    ]


def test_a_server_block_without_listen_has_port_80():
    text = "server { location / { if ($x) { return 1; } } } server { listen 81 default; } upstream u { server a; }"
    [file] = parse(f"# configuration file /f:\n{text}")
    assert listeners(file) == [Listener("/f", "*:80", False, False), Listener("/f", "*:81", True, False)]


def test_the_names_of_a_server_block_are_those_of_each_of_its_listeners():
    text = "server { listen 80; server_name A.org b.org; listen 81; server_name c.org; } server { listen 82; }"
    [file] = parse(f"# configuration file /f:\n{text}")
    assert [one.names for one in listeners(file)] == [("a.org", "b.org", "c.org")] * 2 + [()]


def test_values_of_a_directive_with_their_file():
    main, site = parse(DUMP)
    assert list(values([main, site], "user")) == [(main, ["www-data", "adm"])]
    assert list(values([main, site], "listen"))[1] == (site, ["[::]:443", "ssl"])
    assert list(values([main, site], "server")) == []
