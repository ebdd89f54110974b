package tenant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/configschema"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/seal"
)

// SealUse is what a configuration of a tenant is sealed for.
func SealUse(id, plugin, digest string) string {
	return "tenant " + id + " plugin " + plugin + " configuration " + digest
}

// Config is the configuration of a plugin that counts, without its secrets.
func (s *Service) Config(ctx context.Context, id string, plugin artifact.Name) (index.TenantConfig, error) {
	return s.ConfigRevision(ctx, id, plugin, 0)
}

// ConfigRevision is one revision of it; 0 is the one that counts.
func (s *Service) ConfigRevision(ctx context.Context, id string, plugin artifact.Name, revision int64) (index.TenantConfig, error) {
	rows, i, err := s.configured(ctx, id, plugin)
	if err != nil {
		return index.TenantConfig{}, err
	}
	if revision == 0 {
		revision = i.Config.Revision
	}
	c, err := rows.Configs().Revision(ctx, plugin, revision)
	if errors.Is(err, artifact.ErrNotFound) {
		return index.TenantConfig{}, noRevision(id, plugin, revision)
	}
	return shownConfig(c, i), err
}

func noRevision(id string, plugin artifact.Name, revision int64) error {
	if revision == 0 {
		return index.NewProblem(index.CodeNotFound, fmt.Sprintf("tenant %s has no configuration of %s", id, plugin),
			fmt.Sprintf("give one: oarlock tenant configure %s %s -f FILE", id, plugin))
	}
	return index.NewProblem(index.CodeNotFound, fmt.Sprintf("tenant %s has no revision %d of the configuration of %s", id, revision, plugin),
		fmt.Sprintf("see those that are kept: oarlock tenant config revisions %s %s", id, plugin))
}

// configured is an install of who may read the tenant.
func (s *Service) configured(ctx context.Context, id string, plugin artifact.Name) (Rows, Install, error) {
	rows, _, err := s.read(ctx, id)
	if err != nil {
		return nil, Install{}, err
	}
	i, err := rows.Installs().Install(ctx, plugin)
	if errors.Is(err, artifact.ErrNotFound) {
		err = notHad(id, plugin)
	}
	return rows, i, err
}

// ConfigRevisions are those of a configuration before that one, the newest first; 0
// is before none. What is in them is not shown.
func (s *Service) ConfigRevisions(ctx context.Context, id string, plugin artifact.Name, before int64, limit int) (index.TenantConfigList, error) {
	out := index.TenantConfigList{Items: []index.TenantConfig{}}
	rows, i, err := s.configured(ctx, id, plugin)
	if err != nil {
		return out, err
	}
	limit = pageOf(limit)
	list, err := rows.Configs().List(ctx, plugin, before, limit+1)
	if err != nil {
		return out, err
	}
	for n, c := range list {
		if n == limit {
			out.NextCursor = strconv.FormatInt(list[n-1].Revision, 10)
			break
		}
		out.Items = append(out.Items, shownConfig(c, i))
	}
	return out, nil
}

// ConfigByDigest gives what a host is given by the digest that names it, an
// index.HostConfig in canonical form. It asks nobody whether the caller may: who asks
// for a host has said so before. A digest of another tenant is not found.
func (s *Service) ConfigByDigest(ctx context.Context, id, sum string) ([]byte, error) {
	c, err := s.o.Store.OfTenant(id).Configs().ByDigest(ctx, sum)
	if err != nil {
		return nil, err
	}
	return s.opened(ctx, id, c)
}

// opened is what a host is given of a revision.
func (s *Service) opened(ctx context.Context, id string, c Config) ([]byte, error) {
	raw, err := s.o.Ring.Open(ctx, SealUse(id, c.Plugin.String(), c.Digest), c.Sealed)
	if err != nil {
		return nil, fmt.Errorf("configuration %d of %s of tenant %s: %w", c.Revision, c.Plugin, id, err)
	}
	if digest.FromBytes(raw).String() != c.Digest {
		return nil, fmt.Errorf("configuration %d of %s of tenant %s is not that of its digest: %w", c.Revision, c.Plugin, id, artifact.ErrUnverified)
	}
	return raw, nil
}

// openConfig is the configuration of a revision, secrets and all.
func (s *Service) openConfig(ctx context.Context, id string, c Config) (any, error) {
	raw, err := s.opened(ctx, id, c)
	if err != nil {
		return nil, err
	}
	return configIn(raw)
}

// Configure gives a plugin of a tenant a new configuration, JSON that the schema of
// the version takes that it is given. A secret that is left out stays as it was, and
// one that is null is cleared. What is so already is not changed again.
func (s *Service) Configure(ctx context.Context, id string, plugin artifact.Name, raw []byte) (index.TenantConfig, error) {
	next, err := configschema.Read(raw)
	if err != nil {
		return index.TenantConfig{}, invalidConfig(plugin, err)
	}
	return s.configure(ctx, id, plugin, func(p *proposal) error {
		p.next = copied(next)
		return nil
	})
}

// RestoreConfig goes back to a revision, secrets and all, which becomes a new one.
func (s *Service) RestoreConfig(ctx context.Context, id string, plugin artifact.Name, revision int64) (index.TenantConfig, error) {
	return s.configure(ctx, id, plugin, func(p *proposal) error {
		c, err := p.rows.Configs().Revision(ctx, plugin, revision)
		if errors.Is(err, artifact.ErrNotFound) {
			return noRevision(id, plugin, revision)
		}
		if err != nil {
			return err
		}
		p.from, p.marked, p.whole = revision, c.Secrets, true
		p.next, err = s.openConfig(ctx, id, c)
		return unopened(err)
	})
}

// A proposal is a configuration on its way to be one.
type proposal struct {
	id      string
	rows    Rows
	install Install // as it was read
	was     any     // the configuration that counts; nil is none
	current Config
	next    any
	marked  []string // places that are secrets whatever a schema says
	whole   bool     // next has its secrets
	from    int64
}

// mostTries is how often a change is tried whose tenant changed meanwhile.
const mostTries = 3

// configure puts in place what ask says. Sealing may wait for another server, so it
// comes before the transaction, which then looks whether all is as it was.
func (s *Service) configure(ctx context.Context, id string, plugin artifact.Name, ask func(p *proposal) error) (index.TenantConfig, error) {
	for try := 1; ; try++ {
		out, err := s.configureOnce(ctx, id, plugin, ask)
		if !errors.Is(err, errMoved) {
			return out, err
		}
		if try == mostTries {
			return out, index.NewProblem(index.CodeConflict, fmt.Sprintf("the configuration of %s is being changed by others", plugin),
				"look at it, and try again")
		}
	}
}

// errMoved says that an install changed since it was read.
var errMoved = errors.New("it changed meanwhile")

func (s *Service) configureOnce(ctx context.Context, id string, plugin artifact.Name, ask func(p *proposal) error) (index.TenantConfig, error) {
	p, v, err := s.propose(ctx, id, plugin, ask)
	if err != nil {
		return index.TenantConfig{}, err
	}
	next, raw, err := s.prepared(p, v)
	if err != nil {
		return index.TenantConfig{}, err
	}
	if raw == nil { // what is there
		return shownConfig(p.current, p.install), nil
	}
	next.Revision, next.From = p.current.Revision+1, p.from
	next.ChangedBy, next.ChangedAt = auth.From(ctx).Name, s.o.Clock.Now().UTC()
	next.Sealed, err = s.o.Ring.Seal(ctx, SealUse(id, plugin.String(), next.Digest), raw)
	if err != nil {
		return index.TenantConfig{}, unopened(err)
	}
	changed := p.install
	changed.Config = Configured{next.Revision, next.Digest, next.Schema}
	changed.ChangedBy, changed.ChangedAt = next.ChangedBy, next.ChangedAt
	err = s.do(ctx, id, p.rows, func(ctx context.Context) (act audit.Act, do func(context.Context) error, err error) {
		now, err := p.rows.Installs().Install(ctx, plugin)
		if err != nil {
			return act, nil, err
		}
		if now.Revision != p.install.Revision {
			return act, nil, errMoved
		}
		act = audit.Act{Action: auth.TenantManage, Before: map[string]any{"config": plainConfig(p.current)},
			Planned: map[string]any{"config": plainConfig(next)}}
		return act, func(ctx context.Context) error {
			return errors.Join(p.rows.Configs().Add(ctx, next), p.rows.Installs().Put(ctx, changed))
		}, nil
	})
	return shownConfig(next, changed), err
}

// propose reads what is there, and by which version it is judged.
func (s *Service) propose(ctx context.Context, id string, plugin artifact.Name, ask func(p *proposal) error) (p proposal, v []*catalog.Version, err error) {
	p.id = id
	if p.rows, _, err = s.manage(ctx, id); err != nil {
		return p, nil, err
	}
	if err := s.current(); err != nil {
		return p, nil, err
	}
	p.install, err = p.rows.Installs().Install(ctx, plugin)
	if errors.Is(err, artifact.ErrNotFound) {
		return p, nil, notHad(id, plugin)
	}
	if err != nil {
		return p, nil, err
	}
	if v, err = s.deciding(ctx, p); err != nil {
		return p, nil, err
	}
	if n := p.install.Config.Revision; n > 0 {
		if p.current, err = p.rows.Configs().Revision(ctx, plugin, n); err != nil {
			return p, nil, err
		}
		if p.was, err = s.openConfig(ctx, id, p.current); err != nil {
			return p, nil, unopened(err)
		}
	}
	p.current.Plugin = plugin
	return p, v, ask(&p)
}

// deciding are the versions by which a configuration is judged: that which the tenant
// would be given if no configuration were in the way, and that which it is given.
func (s *Service) deciding(ctx context.Context, p proposal) ([]*catalog.Version, error) {
	in, is := s.o.Catalog.Plugin(p.install.Plugin)
	sees, err := s.o.Rights.Can(ctx, auth.RepositoryPull, auth.InRepository(p.install.Plugin.String()))
	if err != nil {
		return nil, err
	}
	if !is || !sees { // whoever may not know of it is told nothing of its versions, also where the tenant has it
		return nil, fmt.Errorf("plugin %s: %w", p.install.Plugin, artifact.ErrNotFound)
	}
	hosts, err := allHosts(ctx, p.rows)
	if err != nil {
		return nil, err
	}
	i := p.install.at(s.o.Clock.Now())
	best := choose(in, i, hosts, nil)
	out := []*catalog.Version{versionFor(in, i, best)}
	if given := choose(in, i, hosts, s.takes(ctx, p.id, p.rows, i)); given.version != nil && given.version != out[0] {
		out = append(out, given.version)
	}
	if out[0] == nil {
		return nil, index.NewProblem(index.CodeVersionNotFound, fmt.Sprintf("%s has no version that could take a configuration", p.install.Plugin),
			"see its versions: oarlock show "+p.install.Plugin.String())
	}
	return out, nil
}

// prepared is the revision that p asks for, and what a host is given of it: nil where
// that is there already. The first version that takes it counts, and the refusal is
// that of the newest.
func (s *Service) prepared(p proposal, versions []*catalog.Version) (Config, []byte, error) {
	var refused error
	for _, v := range versions {
		c, raw, err := preparedFor(p, v)
		if err == nil {
			return c, raw, nil
		}
		if refused == nil {
			refused = err
		}
	}
	return Config{}, nil, refused
}

func preparedFor(p proposal, v *catalog.Version) (c Config, raw []byte, err error) {
	plugin := p.install.Plugin
	schema, sum, err := schemaOf(v)
	if err != nil {
		return c, nil, index.NewProblem(index.CodeConfigUndecided, fmt.Sprintf("the schema of %s %s cannot be used: %s", plugin, v.Version, plainly(err)),
			"its publisher publishes another version; oarlock lint says what is wrong")
	}
	doc := copied(p.next)
	secrets, err := secretsOf(schema, doc, slices.Concat(p.marked, p.current.Secrets))
	if err != nil {
		return c, nil, undecided(plugin, v, err)
	}
	kept := p.marked
	if !p.whole {
		cleared := dropNulls(doc, secrets)
		more, bad := keep(p.was, p.current.Secrets, doc, cleared)
		if len(bad) > 0 {
			return c, nil, invalidConfig(plugin, &artifact.ProblemsError{Problems: bad})
		}
		kept = slices.Concat(more, p.current.Secrets)
	}
	if secrets, err = secretsOf(schema, doc, kept); err != nil {
		return c, nil, undecided(plugin, v, err)
	}
	if schema != nil {
		bad, err := schema.Validate(doc)
		if err != nil {
			return c, nil, undecided(plugin, v, err)
		}
		if len(bad) > 0 {
			return c, nil, index.NewProblem(index.CodeConfigInvalid, fmt.Sprintf("%s %s does not take it: %s", plugin, v.Version, said(bad)),
				"see what it takes: config_schema of oarlock show "+plugin.String()+"@"+v.Version.String()+" --output json")
		}
	}
	return written(p, v, sum, doc, secrets)
}

// written is a revision of a document that was judged.
func written(p proposal, v *catalog.Version, sum string, doc any, secrets []string) (c Config, raw []byte, err error) {
	body, err := canonical(doc)
	if err != nil {
		return c, nil, err
	}
	if len(body) > configschema.MaxSize {
		return c, nil, invalidConfig(p.install.Plugin, fmt.Errorf("%d bytes, with the secrets that were set, expected at most %d: %w",
			len(body), configschema.MaxSize, artifact.ErrInvalid))
	}
	if p.current.Revision > 0 && slices.Equal(secrets, p.current.Secrets) && alikeJSON(p.was, doc) {
		return c, nil, nil
	}
	c = Config{Plugin: p.install.Plugin, Schema: sum, Version: v.Version.String(), Secrets: append([]string{}, secrets...)}
	if !slices.Contains(secrets, "") {
		public, err := canonical(without(doc, secrets))
		if err != nil {
			return c, nil, err
		}
		c.Public = string(public)
	}
	raw, c.Digest, err = hostDocument(body, len(secrets) > 0)
	return c, raw, err
}

func undecided(plugin artifact.Name, v *catalog.Version, err error) error {
	return index.NewProblem(index.CodeConfigUndecided, fmt.Sprintf("whether %s %s takes it: %s", plugin, v.Version, plainly(err)),
		"make it smaller; its publisher makes the schema simpler")
}

func invalidConfig(plugin artifact.Name, err error) error {
	detail := err.Error()
	if several, is := errors.AsType[*artifact.ProblemsError](err); is {
		detail = said(several.Problems)
	}
	return index.NewProblem(index.CodeConfigInvalid, fmt.Sprintf("the configuration of %s: %s", plugin, detail),
		"give a JSON document as the plugin's schema describes it")
}

// unopened says that something sealed cannot be opened, or sealed, now.
func unopened(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, seal.ErrNoKey):
		return index.NewProblem(index.CodeUnavailable, err.Error(),
			"the operator brings the key back, or names it in the configuration of the server: seal.key_file, seal.old_key_files")
	case errors.Is(err, artifact.ErrUnverified):
		return index.NewProblem(index.CodeUnavailable, "the configuration that is there cannot be opened: it was changed, or sealed with another key",
			"the operator looks at the log, and brings back the key or the database")
	}
	return fmt.Errorf("%w: %w", err, index.NewProblem(index.CodeUnavailable, "what seals secrets cannot be asked now", "ask again soon"))
}

// plainConfig is what the audit log says of a revision: nothing of what is in it.
func plainConfig(c Config) map[string]any {
	if c.Revision == 0 {
		return map[string]any{"plugin": c.Plugin.String(), "revision": 0}
	}
	out := map[string]any{"plugin": c.Plugin.String(), "revision": c.Revision, "digest": c.Digest, "version": c.Version, "secrets": c.Secrets}
	if c.From > 0 {
		out["from_revision"] = c.From
	}
	return out
}

func shownConfig(c Config, i Install) index.TenantConfig {
	out := index.TenantConfig{Plugin: c.Plugin.String(), Revision: c.Revision, Digest: c.Digest, Secrets: append([]string{}, c.Secrets...), Version: c.Version,
		FromRevision: c.From, Current: c.Revision == i.Config.Revision, ChangedBy: c.ChangedBy, ChangedAt: c.ChangedAt}
	if c.Public != "" {
		out.Config = json.RawMessage(bytes.Clone([]byte(c.Public)))
	}
	return out
}
