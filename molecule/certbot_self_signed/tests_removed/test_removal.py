"""Nothing of ours is left, nothing of others is lost."""


def test_a_site_without_its_certificate_got_a_placeholder(host):
    left = host.file("/root/left").content_string.split()
    assert sorted(left) == [
        f"/etc/ssl/jupyter/{name}.example.org/fullchain.pem" for name in ("plain", "signed", "text")
    ]
    heads = host.file("/root/left.heads").content_string.splitlines()
    assert len(heads) == 3
    assert all(line.startswith("# Self-signed placeholder") for line in heads)


def test_no_file_is_left_but_somebody_elses(host):
    assert host.check_output("find /etc/ssl/jupyter -type f -o -type l") == "/etc/ssl/jupyter/signed.example.org/notes"
    assert host.file("/etc/ssl/jupyter").listdir() == ["signed.example.org"]
    metrics = "/var/lib/prometheus/node-exporter/nbops_certificates.prom"
    for path in ("/etc/nbops-certificates.json", "/usr/local/lib/nbops", "/etc/letsencrypt", metrics):
        assert not host.file(path).exists, path
    assert host.file("/root/provided").listdir() == ["path.key", "path.pem"]


def test_no_unit_is_left(host):
    assert host.run("systemctl list-unit-files --no-legend 'nbops-*' 'certbot*'").stdout == ""
    assert host.check_output("systemctl list-units --all --no-legend --plain 'nbops-*' 'certbot*'") == ""
    assert host.check_output("grep -rl nbops-certificates /etc/systemd /usr/local/lib || true") == ""
    assert host.check_output("find /var/lib/systemd/timers -name 'stamp-nbops*'") == ""
    assert host.service("nginx").is_running
