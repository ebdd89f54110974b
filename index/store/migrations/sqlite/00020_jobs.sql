-- +goose Up
-- What has to be done after the change that asked for it: one row each, written
-- in the transaction of the change. At most one job of a kind and key is leased.
CREATE TABLE jobs (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  kind         TEXT NOT NULL,
  key          TEXT NOT NULL,
  payload      BLOB NOT NULL,
  asked_at     BIGINT NOT NULL,
  due_at       BIGINT NOT NULL,
  leased_until BIGINT NOT NULL,
  attempts     BIGINT NOT NULL,
  last_error   TEXT NOT NULL
);
CREATE INDEX jobs_due ON jobs (kind, due_at);
CREATE INDEX jobs_leased ON jobs (kind, leased_until);
