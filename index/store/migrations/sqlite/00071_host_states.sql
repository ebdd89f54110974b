-- +goose Up
-- What a host is to run. It stays when the host goes, so that a host of that name
-- never begins below an epoch that was given.
CREATE TABLE host_states (
  tenant         TEXT NOT NULL REFERENCES tenants (id),
  host           TEXT NOT NULL,
  key_number     BIGINT NOT NULL,
  counter        BIGINT NOT NULL,
  digest         TEXT NOT NULL,
  content        TEXT NOT NULL,
  past           TEXT NOT NULL,
  generation     BIGINT NOT NULL,
  catalog_digest TEXT NOT NULL,
  changed_at     BIGINT NOT NULL,
  revision       BIGINT NOT NULL,
  PRIMARY KEY (tenant, host)
);
