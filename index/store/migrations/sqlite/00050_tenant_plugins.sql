-- +goose Up
-- How much a tenant may have: 0 is no limit.
ALTER TABLE tenants ADD COLUMN max_hosts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN max_installs BIGINT NOT NULL DEFAULT 0;
-- When a plugin was enabled first; of those from before, when they changed last.
ALTER TABLE tenant_installs ADD COLUMN installed_at BIGINT NOT NULL DEFAULT 0;
UPDATE tenant_installs SET installed_at = changed_at;
