-- +goose Up
-- What may not be pulled, of which somebody was told: the registry's storage alone
-- knows what is blocked or in quarantine, and this is how far it was told. The row
-- of the kind 'begun' says that what was there before was not told of.
CREATE TABLE withheld_told (
  kind       TEXT NOT NULL,
  repository TEXT NOT NULL,
  digest     TEXT NOT NULL,
  version    TEXT NOT NULL,
  since      BIGINT NOT NULL,
  told       BIGINT NOT NULL,
  PRIMARY KEY (kind, repository, digest)
);
