-- +goose Up
-- What a member is in its tenant: tenant-admin or tenant-viewer. Those from before
-- there were roles may look, and change nothing.
ALTER TABLE tenant_members ADD COLUMN role TEXT NOT NULL DEFAULT 'tenant-viewer' CHECK (role IN ('tenant-admin', 'tenant-viewer'));
