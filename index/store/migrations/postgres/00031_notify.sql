-- +goose Up
-- What happened, in the order in which it was kept, and who is told of it.
CREATE TABLE events (
  number    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id        TEXT NOT NULL UNIQUE,
  type      TEXT NOT NULL,
  publisher TEXT NOT NULL,
  plugin    TEXT NOT NULL,
  version   TEXT NOT NULL,
  digest    TEXT NOT NULL,
  at        BIGINT NOT NULL,
  noted_at  BIGINT NOT NULL,
  data      TEXT NOT NULL
);
CREATE INDEX events_noted ON events (noted_at);

CREATE TABLE subscriptions (
  id         TEXT PRIMARY KEY,
  owner      TEXT NOT NULL,
  channel    TEXT NOT NULL,
  receiver   TEXT NOT NULL,
  scope      TEXT NOT NULL,
  about      TEXT NOT NULL,
  events     TEXT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX subscriptions_owner ON subscriptions (owner, created_at);
CREATE INDEX subscriptions_about ON subscriptions (scope, about, id);
CREATE INDEX subscriptions_receiver ON subscriptions (channel, receiver);

-- One event on its way to one subscription.
CREATE TABLE deliveries (
  number       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  event        TEXT NOT NULL,
  subscription TEXT NOT NULL,
  owner        TEXT NOT NULL,
  channel      TEXT NOT NULL,
  receiver     TEXT NOT NULL,
  state        TEXT NOT NULL,
  attempts     BIGINT NOT NULL,
  status       BIGINT NOT NULL,
  answer       TEXT NOT NULL,
  reason       TEXT NOT NULL,
  asked_at     BIGINT NOT NULL,
  tried_at     BIGINT NOT NULL,
  next_at      BIGINT NOT NULL
);
CREATE INDEX deliveries_event ON deliveries (event);
CREATE INDEX deliveries_subscription ON deliveries (subscription);
CREATE INDEX deliveries_receiver ON deliveries (receiver, number);
CREATE INDEX deliveries_ended ON deliveries (state, tried_at);

CREATE TABLE delivery_attempts (
  delivery TEXT NOT NULL,
  number   BIGINT NOT NULL,
  at       BIGINT NOT NULL,
  took     BIGINT NOT NULL,
  status   BIGINT NOT NULL,
  answer   TEXT NOT NULL,
  reason   TEXT NOT NULL,
  PRIMARY KEY (delivery, number)
);
CREATE INDEX delivery_attempts_at ON delivery_attempts (at);

-- Endpoints that are called. Secrets are sealed; old_secret signs too, until
-- old_until. The rest is how the endpoint answered last.
CREATE TABLE webhooks (
  id            TEXT PRIMARY KEY,
  owner         TEXT NOT NULL,
  url           TEXT NOT NULL,
  secret        BYTEA NOT NULL,
  old_secret    BYTEA NOT NULL,
  old_until     BIGINT NOT NULL,
  created_at    BIGINT NOT NULL,
  failures      BIGINT NOT NULL,
  failing_since BIGINT NOT NULL,
  paused_until  BIGINT NOT NULL,
  slow_until    BIGINT NOT NULL,
  gone_at       BIGINT NOT NULL
);
CREATE INDEX webhooks_owner ON webhooks (owner, created_at);

-- The first of each key is what is leased.
CREATE INDEX jobs_keys ON jobs (kind, key, id, due_at);
