-- +goose Up
-- Since when versions are public by proofs of other sites' logs. vouched is what this site
-- alone can write; a row without it counts for nothing.
CREATE TABLE proved_times (
  number    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  plugin    TEXT NOT NULL,
  digest    TEXT NOT NULL,
  log       TEXT NOT NULL,
  proved_at BIGINT NOT NULL,
  vouched   BYTEA NOT NULL,
  UNIQUE (plugin, digest, log)
);
