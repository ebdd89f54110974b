-- +goose Up
-- The publication log: one row of log_head says how far it is signed. Leaves are
-- numbered from 0 without gaps; a tile grows until it has 256 hashes.
CREATE TABLE log_head (
  id         BIGINT PRIMARY KEY,
  origin     TEXT NOT NULL,
  size       BIGINT NOT NULL,
  root       BLOB NOT NULL,
  checkpoint TEXT NOT NULL
);

CREATE TABLE log_leaves (
  number BIGINT PRIMARY KEY,
  key    BLOB NOT NULL UNIQUE,
  event  BLOB NOT NULL,
  entry  BLOB NOT NULL
);

CREATE TABLE log_tiles (
  level  BIGINT NOT NULL,
  number BIGINT NOT NULL,
  data   BLOB NOT NULL,
  PRIMARY KEY (level, number)
);
