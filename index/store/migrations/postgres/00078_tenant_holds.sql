-- +goose Up
-- Until when a tenant keeps what it was given of a plugin; 0 is no hold.
ALTER TABLE tenant_installs ADD COLUMN hold_until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tenant_installs ADD COLUMN hold_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE tenant_installs ADD COLUMN hold_by TEXT NOT NULL DEFAULT '';
