-- +goose Up
CREATE TABLE tenants (
  id          TEXT PRIMARY KEY,
  tier        TEXT NOT NULL,
  niches      TEXT NOT NULL,
  labels      TEXT NOT NULL,
  environment TEXT NOT NULL CHECK (environment IN ('test', 'staging', 'production')),
  canary      BOOLEAN NOT NULL,
  created_by  TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  revision    BIGINT NOT NULL
);

CREATE TABLE tenant_hosts (
  tenant     TEXT NOT NULL REFERENCES tenants (id),
  name       TEXT NOT NULL,
  host       TEXT NOT NULL,
  version    TEXT NOT NULL,
  platform   TEXT NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  revision   BIGINT NOT NULL,
  PRIMARY KEY (tenant, name)
);

CREATE TABLE tenant_installs (
  tenant     TEXT NOT NULL REFERENCES tenants (id),
  plugin     TEXT NOT NULL,
  enabled    BOOLEAN NOT NULL,
  channel    TEXT NOT NULL,
  pin        TEXT NOT NULL,
  version    TEXT NOT NULL,
  digest     TEXT NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at BIGINT NOT NULL,
  revision   BIGINT NOT NULL,
  PRIMARY KEY (tenant, plugin)
);
CREATE INDEX tenant_installs_plugin ON tenant_installs (plugin, tenant);
