-- +goose Up
-- What a host of a tenant logs in with: one, which ends with the host.
CREATE TABLE host_credentials (
  tenant     TEXT NOT NULL,
  host       TEXT NOT NULL,
  id         TEXT NOT NULL UNIQUE,
  hash       BLOB NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (tenant, host),
  FOREIGN KEY (tenant, host) REFERENCES tenant_hosts (tenant, name) ON DELETE CASCADE
);
