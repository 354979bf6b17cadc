"""Alerts and dashboards as code: one definition, every file that Prometheus and Grafana read."""
