-- +goose Up
-- Deletions of plugins that began. While there is one of a plugin nobody enables it; id is
-- that of the deletion.
CREATE TABLE plugin_deletions (
  plugin   TEXT NOT NULL,
  id       TEXT NOT NULL,
  begun_at BIGINT NOT NULL,
  PRIMARY KEY (plugin, id)
);
