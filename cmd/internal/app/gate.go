package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/lifecycle"
	"github.com/oarlock/oarlock/index/lifecycle/table"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/quota"
	"github.com/oarlock/oarlock/index/signed"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/block"
)

// gate answers the registry's questions from the accounts.
type gate struct {
	accounts *accounts
	pulls    *lifecycle.Pulls
	catalog  *signed.Guard
	index    *joined
}

// pullsOf decides pulls by the catalog that serves, and by what is stored.
func pullsOf(blocks *block.Blocks, index *joined, roles lifecycle.Roles) *lifecycle.Pulls {
	return lifecycle.NewPulls(lifecycle.PullsOptions{
		Roles: roles,
		Catalog: func() (*catalog.Snapshot, error) {
			if err := index.ready(); err != nil {
				return nil, err
			}
			return index.live.Current().Snapshot, nil
		},
		Region: func(repository string, named ...digest.Digest) lifecycle.Region {
			return blocks.Region(repository, named...)
		},
		Drop: blocks.DropRegions,
	})
}

// meant are the registry's words in those of the table of permissions.
var meant = map[registry.Action]auth.Action{
	registry.Pull: auth.RepositoryPull, registry.Push: auth.RepositoryPush,
	registry.Delete: auth.RepositoryDelete, registry.Publish: auth.PluginPublish,
}

// Admit implements registry.Admitter.
func (g gate) Admit(ctx context.Context, x registry.Access) error {
	if x.Action == registry.List {
		return inRegistry(g.accounts.Check(ctx, auth.CatalogList, auth.Site()))
	}
	if x.Repository == "" {
		return inRegistry(g.accounts.CheckBase(ctx))
	}
	action, repository := meant[x.Action], auth.InRepository(x.Repository)
	err := g.accounts.Check(ctx, action, repository)
	if no, ok := errors.AsType[*auth.DeniedError](err); ok && action == auth.RepositoryPull && (no.Code == "role" || no.Code == "scope") && auth.From(ctx).LoggedIn() {
		// What is private, and what is not there, are the same to a stranger.
		return fmt.Errorf("%s: %w", repository, artifact.ErrNotFound)
	}
	return inRegistry(err)
}

// inRegistry says in the registry's words what the accounts refuse: a
// challenge, or a denial with the code that the API gives it.
func inRegistry(err error) error {
	var c *auth.ChallengeError
	var p *index.Problem
	var full *quota.Error
	switch {
	case errors.As(err, &c):
		return &registry.Challenge{Header: c.Header, Message: c.Detail}
	case !errors.Is(err, artifact.ErrDenied) || !errors.As(auth.Problem(err), &p):
		return err
	case errors.As(err, &full):
		return &registry.Denial{Code: p.Code, Err: err, Detail: map[string]any{"limit": full.Limit, "max": full.Max, "have": full.Have, "want": full.Want}}
	}
	return &registry.Denial{Code: p.Code, Err: err}
}

// AdmitContent implements registry.ContentAdmitter: who may read a repository may
// read what is in it, but for what the lifecycle withdraws from him. What is
// blocked the registry knows itself.
func (g gate) AdmitContent(ctx context.Context, x registry.Access, d digest.Digest) error {
	if x.Repository == signed.Repository {
		return ofCatalog(g.catalog.Check(ctx, d, x.Blob))
	}
	err := g.pulls.Check(ctx, x.Repository, x.Tag, d)
	if gone, is := errors.AsType[*lifecycle.GoneError](err); is {
		return &registry.Absence{Code: gone.Code, Err: gone}
	}
	no, refused := errors.AsType[*lifecycle.WithheldError](err)
	if !refused {
		return err
	}
	by := table.PullDigest
	if x.Tag != "" {
		by = table.PullTag
	}
	if who := auth.From(ctx); who.Kind == auth.Anonymous && who.Access == nil && no.State.May(table.Holder, by) {
		// Clients send what they have only when they are asked for it.
		return inRegistry(g.accounts.Challenge(auth.RepositoryPull, auth.InRepository(x.Repository)))
	}
	denial := &registry.Denial{Code: no.Cell.Code, Err: no, Detail: map[string]string{
		"code": no.Cell.Code, "state": no.State.Word(), "reason": no.Why, "repository": x.Repository, "digest": d.String()}}
	if x.Tag == "" && !no.State.May(table.Publisher, by) {
		// Who has it pushes it, or something else that holds it, again: pushes ask by
		// digest. Who asks by a tag wants to pull it, and is told that he may not.
		denial.Head = http.StatusNotFound
	}
	return denial
}

// catalogAgain is after which time to ask again for a signed catalog that is being
// published anew.
const catalogAgain = time.Second

// ofCatalog says in the registry's words what the guard of the signed catalog says.
func ofCatalog(err error) error {
	no, withheld := errors.AsType[*signed.WithheldError](err)
	switch {
	case !withheld:
		return err
	case no.Newest:
		return &registry.Absence{Code: index.CodeUnavailable, After: catalogAgain, Err: no}
	}
	return &registry.Absence{Code: index.CodeCatalogReplaced, Err: no}
}

// AdmitManifest implements registry.ManifestAdmitter: it holds the namespace to
// its quota, and writes each new version down in the audit log.
func (g gate) AdmitManifest(ctx context.Context, x registry.Access, l registry.Load) (registry.Reservation, error) {
	if err := notDeleted(g.index, x.Repository, l); err != nil {
		return nil, err
	}
	namespace, _, _ := strings.Cut(x.Repository, "/")
	if err := g.accounts.quota.Limits(namespace).CheckArtifact(l.Manifest+l.Content, l.Manifest, l.Layers); err != nil {
		return nil, inRegistry(err)
	}
	p := &incoming{accounts: g.accounts, access: x, load: l}
	if !l.Held {
		p.bytes = l.Manifest // what it names was counted when it came
	}
	p.bytes += l.More
	if l.Version && !l.Set {
		if err := refuseUnlogged(g.accounts.logStuck); err != nil {
			return nil, err
		}
		p.versions = 1
	}
	if p.bytes == 0 && p.versions == 0 {
		return nil, nil
	}
	room, err := g.accounts.usage.Reserve(ctx, namespace, p.bytes, p.versions)
	if err != nil {
		return nil, inRegistry(err)
	}
	p.room = room
	return p, nil
}

// BeginUpload implements registry.ByteAdmitter.
func (g gate) BeginUpload(_ context.Context, x registry.Access) (registry.Meter, error) {
	namespace, _, _ := strings.Cut(x.Repository, "/")
	return meter{g.accounts.usage.Upload(namespace)}, nil
}

// meter is a quota's, which refuses in the registry's words.
type meter struct{ *quota.Meter }

// Take implements registry.Meter.
func (m meter) Take(ctx context.Context, n int64) error { return inRegistry(m.Meter.Take(ctx, n)) }

// incoming is one manifest on its way in.
type incoming struct {
	accounts        *accounts
	access          registry.Access
	load            registry.Load
	bytes, versions int64
	room            *quota.Reservation
	begun           *audit.Begun // a version whose row was written
	settled         func()       // the tag is set, or never will be
}

// Commit counts the push, together with its audit row and the time of its
// publication where it is a version.
func (p *incoming) Commit(ctx context.Context) (err error) {
	if p.versions == 0 {
		return inRegistry(p.commit(ctx))
	}
	namespace, _, _ := strings.Cut(p.access.Repository, "/")
	p.settled, err = p.accounts.usage.Commit(namespace, p.access.Repository+":"+p.load.Tag, func() error { return p.commit(ctx) })
	return inRegistry(err)
}

func (p *incoming) commit(ctx context.Context) error {
	return p.accounts.store.InTx(ctx, func(ctx context.Context) error {
		if err := p.room.Commit(ctx, p.bytes, p.versions); err != nil || p.versions == 0 {
			return err
		}
		begun, err := audit.Log{May: admitted, Rows: p.accounts.trail}.Begin(ctx, audit.Act{Action: auth.PluginPublish,
			On: auth.InRepository(p.access.Repository), Planned: p.published()})
		if err != nil {
			return err
		}
		p.begun = begun
		version := index.Arrival{Repository: p.access.Repository, Digest: p.load.Digest}
		_, err = p.accounts.store.FirstPublished(ctx, index.Arrivals{version: p.accounts.clock.Now()})
		return err
	})
}

// Failed writes down that a version was not published after all. That it was
// counted is put right by counting anew.
func (p *incoming) Failed(ctx context.Context, cause error) error {
	if p.versions == 0 || p.begun == nil {
		return cause
	}
	namespace, _, _ := strings.Cut(p.access.Repository, "/")
	p.accounts.usage.RecountSoon(namespace)
	return p.begun.End(ctx, p.published(), cause)
}

// published is what the audit log says of the version.
func (p *incoming) published() map[string]string {
	return map[string]string{"tag": p.load.Tag, "digest": p.load.Digest.String()}
}

// Release gives back what was not committed.
func (p *incoming) Release() {
	p.room.Release()
	if p.settled != nil {
		p.settled()
	}
}

// principal names who sends r to the registry.
func principal(r *http.Request) (string, error) { return auth.From(r.Context()).Name, nil }

// AdmitDelete implements registry.DeleteAdmitter: each delete is written down
// in the audit log before it is done.
func (g gate) AdmitDelete(ctx context.Context, x registry.Access, what registry.Removal) (func(error) error, error) {
	row := map[string]string{"digest": what.Digest.String(), "kind": "manifest"}
	switch {
	case what.Tag != "":
		row["kind"], row["tag"] = "tag", what.Tag
	case what.Blob:
		row["kind"] = "blob"
	}
	if what.Subject != "" {
		row["subject"] = what.Subject.String()
	}
	if what.ArtifactType != "" {
		row["artifact_type"] = what.ArtifactType
	}
	begun, err := audit.Log{May: admitted, Rows: g.accounts.trail}.Begin(ctx, audit.Act{Action: auth.RepositoryDelete, On: auth.InRepository(x.Repository), Before: row})
	if err != nil {
		return nil, err
	}
	return func(cause error) error { return begun.End(ctx, nil, cause) }, nil
}

// admitted is what Admit said before the registry asks for a row.
func admitted(context.Context, auth.Action, auth.Resource) error { return nil }

// refuseUnlogged refuses what is published while the publication log is stuck.
func refuseUnlogged(stuck func() error) error {
	if err := stuck(); err != nil {
		return &registry.Denial{Code: index.CodeLogBehind, Err: publog.Problem(err)}
	}
	return nil
}
