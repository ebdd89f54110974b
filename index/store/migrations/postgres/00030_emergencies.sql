-- +goose Up
-- Emergencies, however far they are. The record is JSON: nobody asks for what is in it.
CREATE TABLE emergencies (
  id         TEXT PRIMARY KEY,
  plugin     TEXT NOT NULL,
  state      TEXT NOT NULL,
  record     TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  revision   BIGINT NOT NULL
);
CREATE INDEX emergencies_plugin ON emergencies (plugin, created_at);
CREATE INDEX emergencies_state ON emergencies (state, created_at);
