-- +goose Up
-- Where rows of the log were removed after their time: the last one of them,
-- from which the chain goes on.
CREATE TABLE audit_anchor (
  seq  BIGINT PRIMARY KEY,
  hash BYTEA NOT NULL
);

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'audit' THEN
    IF OLD.seq <= COALESCE((SELECT MAX(seq) FROM audit_anchor), 0) THEN
      RETURN OLD;
    END IF;
  END IF;
  RAISE EXCEPTION 'the audit log is append-only';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_anchor_no_change BEFORE UPDATE OR DELETE ON audit_anchor FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_anchor_no_truncate BEFORE TRUNCATE ON audit_anchor FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
