#!/bin/sh
# The rest of the way by hand, after one of the installations: a password, a service, a certificate, a site.
set -eu

runuser -u alice -- sh -eu <<'ALICE'
cd
mkdir .jupyter notebooks
hash=$(venv/bin/python -c 'from jupyter_server.auth import passwd; print(passwd("by-hand-by-hand"))')
cat >.jupyter/jupyter_lab_config.py <<PYTHON
c.ServerApp.open_browser = False
c.ServerApp.allow_remote_access = True
c.ServerApp.root_dir = '/home/alice/notebooks'
c.PasswordIdentityProvider.hashed_password = '$hash'
PYTHON
ALICE

cat >/etc/systemd/system/jupyterlab.service <<'UNIT'
[Unit]
Description=JupyterLab

[Service]
ExecStart=/home/alice/venv/bin/jupyter-lab --config=/home/alice/.jupyter/jupyter_lab_config.py
User=alice
WorkingDirectory=/home/alice
Restart=always
RestartSec=10

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl --quiet enable --now jupyterlab.service

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=lab.example.org \
  -addext subjectAltName=DNS:lab.example.org -keyout /etc/ssl/private/lab.key -out /etc/ssl/certs/lab.crt

cat >/etc/nginx/sites-available/jupyterlab <<'SITE'
server {
    listen 443 ssl;
    server_name lab.example.org;
    ssl_certificate /etc/ssl/certs/lab.crt;
    ssl_certificate_key /etc/ssl/private/lab.key;
    client_max_body_size 512m;

    location / {
        proxy_pass http://127.0.0.1:8888;
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
        proxy_buffering off;
        proxy_read_timeout 86400;
    }
}
SITE
ln -s /etc/nginx/sites-available/jupyterlab /etc/nginx/sites-enabled/
nginx -t -q
systemctl reload nginx.service
