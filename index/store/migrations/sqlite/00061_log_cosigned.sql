-- +goose Up
-- The last checkpoint of the publication log that witnesses cosigned: one row, for all
-- replicas and for after a restart.
CREATE TABLE log_cosigned (
  id         BIGINT PRIMARY KEY,
  origin     TEXT NOT NULL,
  size       BIGINT NOT NULL,
  checkpoint TEXT NOT NULL,
  lines      TEXT NOT NULL
);
