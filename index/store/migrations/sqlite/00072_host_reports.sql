-- +goose Up
-- What each host said last, with the newest of its counters.
CREATE TABLE host_reports (
  tenant      TEXT NOT NULL,
  host        TEXT NOT NULL,
  key_number  BIGINT NOT NULL,
  counter     BIGINT NOT NULL,
  reported_at BIGINT NOT NULL,
  PRIMARY KEY (tenant, host),
  FOREIGN KEY (tenant, host) REFERENCES tenant_hosts (tenant, name) ON DELETE CASCADE
);
CREATE TABLE host_items (
  tenant  TEXT NOT NULL,
  host    TEXT NOT NULL,
  plugin  TEXT NOT NULL,
  version TEXT NOT NULL,
  digest  TEXT NOT NULL,
  since   BIGINT NOT NULL,
  status  TEXT NOT NULL CHECK (status IN ('unknown', 'ok', 'waiting', 'blocked', 'error')),
  code    TEXT NOT NULL,
  message TEXT NOT NULL,
  trace   TEXT NOT NULL,
  PRIMARY KEY (tenant, host, plugin),
  FOREIGN KEY (tenant, host) REFERENCES tenant_hosts (tenant, name) ON DELETE CASCADE
);
CREATE INDEX host_items_plugin ON host_items (tenant, plugin);
CREATE TABLE host_buckets (
  tenant      TEXT NOT NULL,
  host        TEXT NOT NULL,
  number      BIGINT NOT NULL,
  reported_at BIGINT NOT NULL,
  buckets     TEXT NOT NULL,
  PRIMARY KEY (tenant, host, number),
  FOREIGN KEY (tenant, host) REFERENCES tenant_hosts (tenant, name) ON DELETE CASCADE
);
