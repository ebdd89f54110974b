-- +goose Up
CREATE TABLE tokens (
  id         TEXT PRIMARY KEY,
  kind       TEXT NOT NULL,
  name       TEXT NOT NULL,
  principal  TEXT NOT NULL,
  namespace  TEXT NOT NULL,
  parent     TEXT NOT NULL,
  scopes     TEXT NOT NULL,
  hash       BLOB NOT NULL,
  created_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT NOT NULL,
  used_at    BIGINT NOT NULL
);
CREATE INDEX tokens_namespace ON tokens (namespace);
CREATE INDEX tokens_principal ON tokens (principal);

CREATE TABLE people (
  name         TEXT PRIMARY KEY,
  issuer       TEXT NOT NULL,
  subject      TEXT NOT NULL,
  email        TEXT NOT NULL,
  grants       TEXT NOT NULL,
  disabled     BOOLEAN NOT NULL,
  created_at   BIGINT NOT NULL,
  logged_in_at BIGINT NOT NULL,
  UNIQUE (issuer, subject)
);

CREATE TABLE namespaces (
  name           TEXT PRIMARY KEY,
  public         BOOLEAN NOT NULL,
  publishing_off BOOLEAN NOT NULL,
  closed_at      BIGINT NOT NULL,
  created_by     TEXT NOT NULL,
  created_at     BIGINT NOT NULL,
  revision       BIGINT NOT NULL
);

-- Names that look alike have a key in common, so the second one is refused
-- even when both are claimed at once.
CREATE TABLE namespace_keys (
  key       TEXT PRIMARY KEY,
  namespace TEXT NOT NULL REFERENCES namespaces (name)
);

CREATE TABLE members (
  namespace TEXT NOT NULL REFERENCES namespaces (name),
  principal TEXT NOT NULL,
  role      TEXT NOT NULL,
  added_by  TEXT NOT NULL,
  added_at  BIGINT NOT NULL,
  PRIMARY KEY (namespace, principal)
);
CREATE INDEX members_principal ON members (principal);
