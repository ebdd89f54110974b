package store

import (
	"context"
	"errors"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
)

func contractSite(t *testing.T, s *Store) {
	ctx := t.Context()
	_, err := s.Site(ctx)
	want(t, "a new database", err, artifact.ErrNotFound)
	have, err := s.Holds(ctx)
	same(t, "of a new one", have, auth.Holds{}, err)
	dev := auth.SiteRecord{Kind: auth.DevSite, FoundedAt: noon}
	want(t, "found", s.FoundSite(ctx, dev), nil)
	want(t, "found again", s.FoundSite(ctx, dev), artifact.ErrConflict)
	got, err := s.Site(ctx)
	same(t, "read", got, dev, err)
	want(t, "fill", errors.Join(
		s.AddToken(ctx, auth.TokenRecord{ID: "a", Kind: "admin", Hash: []byte{1}, CreatedBy: "dev:admin:dev", CreatedAt: noon}),
		s.AddToken(ctx, auth.TokenRecord{ID: "b", Kind: "admin", Hash: []byte{1}, CreatedBy: "process:bootstrap", CreatedAt: noon}),
		s.AddPerson(ctx, auth.PersonRecord{Name: "person:eve", Issuer: "local", Subject: "eve"}),
		s.AddNamespace(ctx, auth.NamespaceRecord{Name: "acme", CreatedBy: "admin:dev"}, "admin:dev", []string{"k"}),
		s.Jobs().Enqueue(ctx, job("ledger", "a", nil)),
		s.AppendAudit(ctx, auth.AuditRecord{At: noon, Actor: "admin:dev", Action: "account:create", Resource: "person:eve", Outcome: "allowed"}),
	), nil)
	have, err = s.Holds(ctx)
	same(t, "rows", have, auth.Holds{Tokens: 2, People: 1, Namespaces: 1, Members: 1, Admins: 1, Dev: 4}, err)
	want(t, "forsake outside a transaction", s.Forsake(ctx), artifact.ErrInvalid)
	site := auth.SiteRecord{Kind: auth.GuardedSite, FoundedAt: noon}
	err = s.InTx(ctx, func(ctx context.Context) error {
		return errors.Join(s.Founding(ctx), s.Forsake(ctx), s.FoundSite(ctx, site))
	})
	want(t, "forsake", err, nil)
	have, err = s.Holds(ctx)
	same(t, "what is left: the log", have, auth.Holds{Dev: 1}, err)
	got, err = s.Site(ctx)
	same(t, "founded anew", got, site, err)
	b, err := s.Backlog(ctx, "ledger", "")
	same(t, "nothing waits", b, jobs.Backlog{}, err)
	_, err = s.VerifyAudit(ctx)
	want(t, "the log holds", err, nil)
}
