-- +goose Up
-- Who asks for a tenant: principals by their names, such as person:ada.
CREATE TABLE tenant_members (
  tenant    TEXT NOT NULL REFERENCES tenants (id),
  principal TEXT NOT NULL,
  added_by  TEXT NOT NULL,
  added_at  BIGINT NOT NULL,
  PRIMARY KEY (tenant, principal)
);
CREATE INDEX tenant_members_principal ON tenant_members (principal, tenant);
