-- +goose Up
CREATE TABLE usage (
  namespace TEXT PRIMARY KEY,
  bytes     BIGINT NOT NULL,
  versions  BIGINT NOT NULL
);

CREATE TABLE outbox (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  topic      TEXT NOT NULL,
  payload    BLOB NOT NULL,
  created_at BIGINT NOT NULL,
  due_at     BIGINT NOT NULL,
  attempts   BIGINT NOT NULL,
  last_error TEXT NOT NULL
);
CREATE INDEX outbox_due ON outbox (topic, due_at);

CREATE TABLE signing_keys (
  id  TEXT PRIMARY KEY,
  key BLOB NOT NULL
);
