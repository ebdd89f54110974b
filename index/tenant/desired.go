package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
)

// A Signer signs by the site's online key. *signed.Keys does.
type Signer interface {
	// OnlineKey is the number of the key that signs now.
	OnlineKey() int64
	// SignOnline gives the DSSE envelope of a payload, and the number of the key.
	SignOnline(payloadType string, payload []byte) (envelope []byte, key int64, err error)
}

// Licenses say what entitles a tenant to its plugins. What they say of a tenant
// changes with a row of the audit log about the tenant, or with Service.Moved.
type Licenses interface {
	// Licensed is what the host of a tenant may run of plugins: those that need no
	// licence are not in it.
	Licensed(ctx context.Context, tenant, host string, plugins []artifact.Name) (map[artifact.Name]License, error)
}

// A License is what a host is told of what entitles it to a plugin.
type License struct {
	// Refused is why the plugin is not to run; nil where it may.
	Refused *index.Reason
	// Counts is what of the document counts: equal where only times differ.
	Counts string
	// Document is the item's license; nil where there is nothing to carry.
	Document json.RawMessage
	// Renew is when a host is to have another; zero is with the desired state.
	Renew time.Time
}

// usualLifetime of a desired state.
const usualLifetime = 24 * time.Hour

// DesiredOptions say how desired states are made.
type DesiredOptions struct {
	Signer   Signer   // nil signs none, so that there are none
	Licenses Licenses // nil: no plugin needs one
	// Lifetime is how long a document is current, 24 hours by default, and Grace how
	// long a host goes on by it after that where nobody answers.
	Lifetime, Grace time.Duration
}

// follow is a host of a tenant for who may know what it is to run: the host itself,
// and who may read the tenant. To others there is no such tenant.
func (s *Service) follow(ctx context.Context, action auth.Action, id, name string) (Rows, auth.Principal, error) {
	who, err := auth.Now(ctx) // a poll may have been held for long
	if err != nil {
		return nil, who, auth.Problem(err)
	}
	ctx = auth.With(ctx, who)
	if !who.LoggedIn() {
		if err := s.o.Rights.May(ctx, action, auth.InHost(id, name)); err != nil {
			return nil, who, err
		}
	}
	may, err := s.o.Rights.Can(ctx, action, auth.InHost(id, name))
	if err != nil {
		return nil, who, err
	}
	if !may {
		refused := s.o.Rights.May(ctx, action, auth.InHost(id, name))
		reads, err := s.o.Rights.Can(ctx, auth.TenantRead, auth.InTenant(id))
		switch {
		case err != nil:
			return nil, who, err
		case !reads, refused == nil: // without a refusal a role came between: it counts when he asks again
			return nil, who, none()
		}
		return nil, who, refused
	}
	return s.o.Store.OfTenant(id), who, nil
}

// Desired is what a host is to run, signed. It is computed where something moved since
// it was asked for last, and signed where the caller has not got it, or not for long.
func (s *Service) Desired(ctx context.Context, id, name string, q index.DesiredQuery) (out index.Desired, err error) {
	rows, who, err := s.follow(ctx, auth.HostFollow, id, name)
	if err != nil {
		return out, err
	}
	w := s.watches.of(id)
	_, out.Moved = w.at()
	l, err := s.standing(ctx, w, id, rows, name)
	if err != nil {
		return out, missing(id, name, who, err)
	}
	out.ETag = l.etag
	if q.Epoch.Compare(l.epoch) > 0 {
		return out, s.ahead(ctx, id, rows, name, q.Epoch, l.epoch)
	}
	self := who.Kind == auth.Host
	if q.ETag != "" && named(q.ETag, l.etag) && s.lasts(l, q, self) {
		out.Unchanged = true
		return out, nil
	}
	st, err := rows.States().State(ctx, name)
	switch {
	case err != nil:
		return out, err
	case another(q.ETag, st):
		return out, s.ahead(ctx, id, rows, name, q.Epoch, l.epoch)
	}
	out.Envelope, out.IssuedAt, err = s.sign(ctx, id, st, l.epoch)
	if err == nil && self {
		w.issued(name, l.etag, out.IssuedAt)
	}
	return out, err
}

// missing is err about a host, as the caller is told it: to a host that is not there
// there is no tenant.
func missing(id, name string, who auth.Principal, err error) error {
	switch {
	case !errors.Is(err, artifact.ErrNotFound):
		return err
	case who.Kind == auth.Host:
		return none()
	}
	return index.NewProblem(index.CodeNotFound, fmt.Sprintf("tenant %s has no host %s", id, name), "see those that it has: oarlock tenant host list "+id)
}

// lasts reports whether the document that the caller has is good for more than half of
// its time. Who is no host only looks.
func (s *Service) lasts(l lookout, q index.DesiredQuery, self bool) bool {
	now, issued := s.o.Clock.Now(), q.Issued
	if issued.IsZero() {
		if !self {
			return true
		}
		issued = l.issued
	}
	fresh := !issued.IsZero() && !issued.After(now) && now.Before(issued.Add(s.o.Desired.Lifetime/2))
	return fresh && (l.renew.IsZero() || now.Before(l.renew))
}

// named reports whether an If-None-Match names an ETag.
func named(header, etag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if part = strings.TrimPrefix(strings.TrimSpace(part), "W/"); part == etag || part == "*" {
			return true
		}
	}
	return false
}

// conflicts is how often a computation begins again where another replica was first.
const conflicts = 5

// standing is what is known of a host, computed where it has to be.
func (s *Service) standing(ctx context.Context, w *watched, id string, rows Rows, name string) (l lookout, err error) {
	if err := s.current(); err != nil {
		return l, err
	}
	if s.o.Desired.Signer == nil {
		return l, index.NewProblem(index.CodeUnavailable, "this server signs no catalog, so it signs no desired states",
			"the operator of the site sets catalog.publish to on and, with replicas, catalog.keys")
	}
	g := s.o.Catalog.Generation()
	w.compare(g)
	if l, known := w.look(name, s.o.Desired.Signer.OnlineKey(), s.o.Clock.Now()); known {
		return l, nil
	}
	for range conflicts {
		if l, err = s.advance(ctx, w, id, rows, name); !errors.Is(err, artifact.ErrConflict) {
			return l, err
		}
	}
	return l, fmt.Errorf("what host %s of tenant %s is to run: others change it all the time: %v", name, id, err)
}

// advance computes what a host is to run, and gives it another epoch where that is not
// what it was.
func (s *Service) advance(ctx context.Context, w *watched, id string, rows Rows, name string) (l lookout, err error) {
	g := s.o.Catalog.Generation()
	w.compare(g)
	l.version, _ = w.at()
	h, err := rows.Hosts().Host(ctx, name)
	if err != nil {
		return l, err
	}
	was, err := rows.States().State(ctx, name)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return l, err
	}
	b, err := s.basis(ctx, id, rows, h, g)
	if err != nil {
		return l, err
	}
	had, err := contentOf(was)
	if err != nil {
		return l, err
	}
	c, touched, err := b.desire(ctx, h, had)
	if err != nil {
		return l, err
	}
	next, err := s.next(was, h, c, g)
	if err != nil {
		return l, err
	}
	if next.Revision != was.Revision || was.Revision == 0 {
		next.Revision = was.Revision
		if err := rows.States().Put(ctx, next); err != nil {
			return l, err
		}
	}
	l.epoch, l.etag = next.Epoch, etagOf(next)
	l.until, l.renew = s.o.Clock.Now().Add(recheckAfter), renewal(b.licenses)
	return w.put(name, l, g, touched), nil
}

// next is the state that follows on was; of another Revision where it says something new.
func (s *Service) next(was HostState, h Host, c content, g *catalog.Generation) (HostState, error) {
	key := s.o.Desired.Signer.OnlineKey()
	raw, err := json.Marshal(c)
	if err != nil {
		return was, err
	}
	d := digest.FromBytes(raw).String()
	switch {
	case key < was.Epoch.Key:
		return was, index.NewProblem(index.CodeUnavailable, fmt.Sprintf("host %s was given states by online key %d, and this server has key %d: "+
			"its keys are of an earlier time", h.Name, was.Epoch.Key, key),
			"bring back the newest keys of the catalog, or rotate them: oarlock catalog root rotate --online-keys")
	case was.Revision > 0 && d == was.Digest && key == was.Epoch.Key:
		return was, nil
	}
	next := HostState{Host: h.Name, Epoch: index.Epoch{Key: key, Counter: 1}, Digest: d, Content: raw,
		Generation: g.Number, CatalogDigest: g.Stamp().CatalogDigest.String(), ChangedAt: s.o.Clock.Now().UTC(), Revision: was.Revision + 1}
	if key == was.Epoch.Key {
		next.Epoch.Counter = was.Epoch.Counter + 1
	}
	if was.Revision > 0 {
		next.Past = append(slices.Clone(was.Past), etagOf(was))
		next.Past = next.Past[max(0, len(next.Past)-mostPast):]
	}
	return next, nil
}

// mostPast is how many earlier states of a host are known by their ETags.
const mostPast = 64

// another reports whether an ETag is of a state that this server never gave under that
// epoch: it gave others, or is of an earlier time.
func another(etag string, st HostState) bool {
	epoch, _, is := strings.Cut(strings.Trim(strings.TrimPrefix(strings.TrimSpace(etag), "W/"), `"`), "-")
	if _, err := index.ParseEpoch(epoch); err != nil || !is {
		return false
	}
	for _, had := range append(slices.Clone(st.Past), etagOf(st)) {
		if strings.HasPrefix(had, `"`+epoch+"-") {
			return !named(etag, had)
		}
	}
	return false
}

func contentOf(was HostState) (c content, err error) {
	if was.Revision > 0 {
		err = json.Unmarshal(was.Content, &c)
	}
	if err != nil {
		err = fmt.Errorf("what host %s is to run: what is kept cannot be read: %v", was.Host, err)
	}
	return c, err
}

func etagOf(h HostState) string {
	_, hex, _ := strings.Cut(h.Digest, ":")
	return `"` + h.Epoch.String() + "-" + hex[:min(16, len(hex))] + `"`
}

// renewal is when the first licence is to be renewed.
func renewal(licenses map[artifact.Name]License) (first time.Time) {
	for _, l := range licenses {
		if !l.Renew.IsZero() && (first.IsZero() || l.Renew.Before(first)) {
			first = l.Renew
		}
	}
	return first
}

// basis is all that what a host is to run follows from.
func (s *Service) basis(ctx context.Context, id string, rows Rows, h Host, g *catalog.Generation) (b basis, err error) {
	b = basis{catalog: g.Snapshot}
	if b.installs, err = allInstalls(ctx, rows); err != nil {
		return b, err
	}
	for k := range b.installs {
		b.installs[k] = b.installs[k].at(s.o.Clock.Now())
	}
	enabled := []artifact.Name{}
	for _, i := range b.installs {
		if i.Enabled {
			enabled = append(enabled, i.Plugin)
		}
	}
	if public := s.o.Public; public != nil {
		b.public = func(id artifact.Name) (bool, error) { return public(ctx, id) }
	}
	b.takes = func(i Install) func(*catalog.Version) *index.Reason { return s.takes(ctx, id, rows, i) }
	if s.o.Desired.Licenses != nil {
		b.licenses, err = s.o.Desired.Licenses.Licensed(ctx, id, h.Name, enabled)
	}
	return b, err
}

// allInstalls are all plugins of a tenant.
func allInstalls(ctx context.Context, rows Rows) (all []Install, err error) {
	for after := (artifact.Name{}); ; {
		some, err := rows.Installs().List(ctx, after, mostPerPage)
		if err != nil {
			return nil, err
		}
		if all = append(all, some...); len(some) < mostPerPage {
			return all, nil
		}
		after = some[len(some)-1].Plugin
	}
}

// sign makes the document of what is kept, as it is now.
func (s *Service) sign(ctx context.Context, id string, st HostState, epoch index.Epoch) ([]byte, time.Time, error) {
	name := st.Host
	c, err := contentOf(st)
	if err != nil {
		return nil, time.Time{}, err
	}
	if err := s.license(ctx, id, name, c); err != nil {
		return nil, time.Time{}, err
	}
	at := s.o.Clock.Now().UTC().Truncate(time.Second)
	until := at.Add(s.o.Desired.Lifetime)
	payload, err := json.Marshal(index.DesiredState{Tenant: id, Host: name, Epoch: st.Epoch,
		Generation: st.Generation, CatalogDigest: digest.Digest(st.CatalogDigest),
		IssuedAt: at, ExpiresAt: until, GraceUntil: until.Add(s.o.Desired.Grace), Items: c.Items, Notices: c.Notices})
	if err != nil {
		return nil, at, err
	}
	envelope, key, err := s.o.Desired.Signer.SignOnline(index.DesiredStateType, payload)
	if err != nil {
		return nil, at, fmt.Errorf("desired state of host %s of tenant %s: %w", name, id, err)
	}
	if key != epoch.Key || st.Epoch != epoch {
		return nil, at, index.NewProblem(index.CodeUnavailable, "it changed while it was being signed", "ask again")
	}
	return envelope, at, nil
}

// license puts in the items what entitles the host to each, as it is now.
func (s *Service) license(ctx context.Context, id, name string, c content) error {
	if s.o.Desired.Licenses == nil || len(c.Licenses) == 0 {
		return nil
	}
	plugins := []artifact.Name{}
	for _, item := range c.Items {
		if plugin, err := artifact.ParseName(item.Plugin); err == nil && c.Licenses[item.Plugin] != "" {
			plugins = append(plugins, plugin)
		}
	}
	licenses, err := s.o.Desired.Licenses.Licensed(ctx, id, name, plugins)
	if err != nil {
		return err
	}
	for k := range c.Items {
		plugin, err := artifact.ParseName(c.Items[k].Plugin)
		if err != nil || !slices.Contains(plugins, plugin) {
			continue
		}
		c.Items[k].License = licenses[plugin].Document
	}
	return nil
}

// ahead is the answer to a host that goes by a later epoch than this server has, such
// as after the server was restored from a backup.
func (s *Service) ahead(ctx context.Context, id string, rows Rows, name string, host, server index.Epoch) error {
	st, err := rows.States().State(ctx, name)
	if err != nil {
		return err
	}
	c, err := contentOf(st)
	if err != nil {
		return err
	}
	p := index.NewProblem(index.CodeConflict,
		fmt.Sprintf("host %s of tenant %s goes by epoch %s, and this server has %s, as after it was restored from a backup: "+
			"the host changes nothing until somebody decides", name, id, host, server),
		fmt.Sprintf("to have the host run what the server says: oarlock tenant host resolve %s %s --take server --epoch %s", id, name, host),
		fmt.Sprintf("to have the server say what the host runs: oarlock tenant host resolve %s %s --take host --epoch %s", id, name, host))
	p.States = &index.EpochConflict{Server: index.HostStanding{Epoch: server.String(), Items: running(c.Items)},
		Host: index.HostStanding{Epoch: host.String(), Items: []index.HostRunning{}}}
	said, err := rows.Reports().Report(ctx, name)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return err
	}
	for _, i := range said.Items {
		if i.Digest != "" {
			p.States.Host.Items = append(p.States.Host.Items, index.HostRunning{Plugin: i.Plugin, Version: i.Version, Digest: i.Digest})
		}
	}
	return p
}

// running are the items that something runs of.
func running(items []index.DesiredItem) []index.HostRunning {
	out := []index.HostRunning{}
	for _, item := range items {
		if item.Digest != "" && (item.Action == index.DesiredRun || item.Action == index.DesiredHold) {
			out = append(out, index.HostRunning{Plugin: item.Plugin, Version: item.Version, Digest: item.Digest.String()})
		}
	}
	return out
}

// Moved says that what follows of a tenant may have changed: it is computed anew, and
// held polls wake.
func (s *Service) Moved(tenant string) { s.watches.moved(tenant) }

// Follow has polls that are held wake when the catalog says other things of what they
// follow from, until ctx ends.
func (s *Service) Follow(ctx context.Context) {
	generations, stop := s.o.Catalog.Subscribe()
	defer stop()
	for {
		select {
		case g, open := <-generations:
			if !open {
				return
			}
			s.watches.compare(g)
		case <-ctx.Done():
			return
		}
	}
}

// Look finds the tenants that were changed by whoever else uses the database, such as
// another replica: each change leaves a row in the audit log. It is called again and again.
func (s *Service) Look(ctx context.Context) error {
	ids, last, err := s.o.Changed(ctx, s.watches.last())
	if err != nil {
		return err
	}
	for _, id := range ids {
		s.watches.moved(id)
	}
	s.watches.looked(last)
	return nil
}
