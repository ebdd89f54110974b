-- +goose Up
-- What was done in a namespace, to it and to its repositories, by act, and what did not
-- go well. The namespace is no column: it follows from the resource, which is in the
-- chain, so that nobody hides a row by changing it.
CREATE INDEX audit_namespace ON audit (
  CASE WHEN substr(resource, 1, 10) = 'namespace ' THEN substr(resource, 11)
       WHEN substr(resource, 1, 11) = 'repository ' THEN substr(resource, 12, instr(substr(resource, 12) || '/', '/') - 1)
       ELSE '' END, seq);
CREATE INDEX audit_action ON audit (action, seq);
CREATE INDEX audit_outcome ON audit (outcome, seq) WHERE outcome <> 'allowed';
