-- +goose Up
-- Each revision of the configuration of a tenant's plugin. sealed is the whole, which
-- only the key named by seal_key opens; public is what of it is no secret, '' where
-- all of it is one.
CREATE TABLE tenant_configs (
  tenant        TEXT NOT NULL REFERENCES tenants (id),
  plugin        TEXT NOT NULL,
  revision      BIGINT NOT NULL,
  digest        TEXT NOT NULL,
  schema_digest TEXT NOT NULL,
  version       TEXT NOT NULL,
  public        TEXT NOT NULL,
  secrets       TEXT NOT NULL,
  seal_key      TEXT NOT NULL,
  sealed        BLOB NOT NULL,
  from_revision BIGINT NOT NULL,
  changed_by    TEXT NOT NULL,
  changed_at    BIGINT NOT NULL,
  PRIMARY KEY (tenant, plugin, revision)
);
CREATE INDEX tenant_configs_digest ON tenant_configs (tenant, digest);
CREATE INDEX tenant_configs_seal_key ON tenant_configs (seal_key);

-- Which revision counts: 0 is none.
ALTER TABLE tenant_installs ADD COLUMN config_revision BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenant_installs ADD COLUMN config_digest TEXT NOT NULL DEFAULT '';
ALTER TABLE tenant_installs ADD COLUMN config_schema TEXT NOT NULL DEFAULT '';
