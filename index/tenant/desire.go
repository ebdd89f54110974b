package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/lifecycle/table"
	"github.com/oarlock/oarlock/index/resolve"
)

// A basis is all that what a host is to run follows from, besides the host and what
// it was given last.
type basis struct {
	installs []Install // enabled or not
	catalog  *catalog.Snapshot
	// public reports whether everybody may be given a plugin; an error could not
	// tell. nil says that nobody may.
	public func(id artifact.Name) (bool, error)
	// takes says why versions do not take what an install is configured with.
	takes func(i Install) func(v *catalog.Version) *index.Reason
	// licenses are those of the plugins that need one.
	licenses map[artifact.Name]License
}

// content is what a desired state says but for times, and for the documents of
// licences, which are renewed.
type content struct {
	Items   []index.DesiredItem   `json:"items"`
	Notices []index.DesiredNotice `json:"notices"`
	// Licenses is what counts of them, by plugin.
	Licenses map[string]string `json:"licenses,omitempty"`
}

// a desire is one computation.
type desire struct {
	basis
	h       Host
	had     map[string]index.DesiredItem
	touched map[artifact.Name]bool // that the answer follows from
	roots   map[artifact.Name]root
	own     map[artifact.Name]bool // that the tenant is given whether or not everybody may have them
	open    map[artifact.Name]bool // whether everybody may have the others, as far as it was asked
	untold  error                  // the first question of that kind that nobody answered
	items   map[string]index.DesiredItem
	notices []index.DesiredNotice
}

// A root is an enabled plugin with the version that it is given.
type root struct {
	install Install
	plugin  *catalog.Plugin
	chosen  choice
}

// desire computes what a host is to run: it is a pure function of the basis, the host
// and what the host was given last. touched are the plugins of the catalog that it
// follows from. An error means that it could not be told.
func (b basis) desire(ctx context.Context, h Host, had content) (out content, touched map[artifact.Name]bool, err error) {
	d := &desire{basis: b, h: h, had: map[string]index.DesiredItem{}, touched: map[artifact.Name]bool{}, roots: map[artifact.Name]root{},
		own: map[artifact.Name]bool{}, open: map[artifact.Name]bool{}, items: map[string]index.DesiredItem{}, notices: []index.DesiredNotice{}}
	for _, item := range had.Items {
		d.had[item.Plugin] = item
	}
	configs := map[artifact.Name]digest.Digest{}
	for _, i := range b.installs {
		if i.Config.Digest != "" {
			configs[i.Plugin] = digest.Digest(i.Config.Digest)
		}
		if i.Enabled {
			d.choose(i)
		}
	}
	d.owned()
	if err := d.close(ctx); err != nil {
		return out, nil, err
	}
	out = content{Items: []index.DesiredItem{}, Notices: d.notices, Licenses: map[string]string{}}
	for _, item := range d.items {
		id, err := artifact.ParseName(item.Plugin)
		if err != nil {
			return out, nil, err
		}
		item.ConfigDigest = configs[id]
		if l, has := b.licenses[id]; has && l.Counts != "" {
			out.Licenses[item.Plugin] = l.Counts
		}
		out.Items = append(out.Items, item)
	}
	slices.SortFunc(out.Items, func(x, y index.DesiredItem) int { return strings.Compare(x.Plugin, y.Plugin) })
	slices.SortStableFunc(out.Notices, func(x, y index.DesiredNotice) int { return strings.Compare(x.Plugin, y.Plugin) })
	return out, d.touched, nil
}

// choose decides about one enabled plugin: its item, or a root whose dependencies
// are still to be closed.
func (d *desire) choose(i Install) {
	d.touched[i.Plugin] = true
	last := d.had[i.Plugin.String()]
	p, is := d.catalog.Plugin(i.Plugin)
	if !is {
		d.hold(i.Plugin, index.Reason{Code: index.CodeNotFound, Detail: "the plugin is not known here any more"})
		return
	}
	if last.Digest != "" { // what this host has counts, not what another was given
		i.Digest = last.Digest.String()
	}
	var takes func(*catalog.Version) *index.Reason
	if d.takes != nil {
		takes = d.takes(i)
	}
	c := choose(p, i, []Host{d.h}, takes)
	switch {
	case c.version == nil && c.standing == table.Stop:
		d.stop(i.Plugin, first(c))
	case d.refused(i.Plugin) != nil:
		d.stop(i.Plugin, *d.refused(i.Plugin))
	case c.version == nil && stopped(p, last.Digest) != nil: // whatever keeps another from coming
		d.stop(i.Plugin, *stopped(p, last.Digest))
	case c.version == nil:
		d.hold(i.Plugin, first(c))
	case i.Pin.IsZero() && lower(c.version.Version, last) && stopped(p, last.Digest) != nil:
		d.stop(i.Plugin, *stopped(p, last.Digest)) // a host does not go back by itself
	default:
		d.roots[i.Plugin] = root{i, p, c}
	}
}

// refused is why a plugin is not licensed.
func (d *desire) refused(id artifact.Name) *index.Reason {
	if l, has := d.licenses[id]; has {
		return l.Refused
	}
	return nil
}

// first is why no version is given, or why one is given with a warning.
func first(c choice) index.Reason {
	if len(c.reasons) > 0 {
		return c.reasons[0]
	}
	return index.Reason{Code: c.code, Detail: c.detail}
}

// stopped is why a version of p must not run; nil where it may, or is not known.
func stopped(p *catalog.Plugin, d digest.Digest) *index.Reason {
	for k := range p.Versions {
		v := &p.Versions[k]
		if d == "" || v.Digest != d {
			continue
		}
		state := p.StandingOf(v)
		if state.Cell(table.Holder, table.Run).Standing != table.Stop {
			return nil
		}
		var c choice
		detail := reasonOf(p, v, state, table.Run, &c)
		return &index.Reason{Code: c.reasons[0].Code, Detail: detail}
	}
	return nil
}

// lower reports whether v is below what the host was given last.
func lower(v artifact.Version, last index.DesiredItem) bool {
	was, err := artifact.ParseVersion(last.Version)
	return last.Version != "" && err == nil && v.Compare(was) < 0
}

// hold has what runs of a plugin go on, and nothing new come.
func (d *desire) hold(id artifact.Name, why index.Reason) {
	item := d.had[id.String()]
	if item.Action != index.DesiredRun && item.Action != index.DesiredHold {
		item = index.DesiredItem{}
	}
	item.Plugin, item.Action, item.Reason = id.String(), index.DesiredHold, &why
	d.items[item.Plugin] = item
}

func (d *desire) stop(id artifact.Name, why index.Reason) {
	last := d.had[id.String()]
	d.items[id.String()] = index.DesiredItem{Plugin: id.String(), Version: last.Version, Digest: last.Digest, Action: index.DesiredStop, Reason: &why}
}

// close adds what the roots need. Those of which the needs cannot be met together
// with the others are held, by name.
func (d *desire) close(ctx context.Context) error {
	ids := make([]artifact.Name, 0, len(d.roots))
	for id := range d.roots {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, artifact.Name.Compare)
	met, chosen, err := d.fit(ctx, nil, nil, ids)
	if err != nil {
		return err
	}
	for _, c := range chosen {
		d.run(c)
	}
	held := map[string]bool{}
	for _, id := range ids {
		if !slices.Contains(met, id) {
			held[id.String()] = true
		}
	}
	d.keep(held)
	return nil
}

// fit adds as many of more to met, whose solution is chosen, as fit together, halving
// what does not.
func (d *desire) fit(ctx context.Context, met []artifact.Name, chosen []resolve.Chosen, more []artifact.Name) ([]artifact.Name, []resolve.Chosen, error) {
	if len(more) == 0 {
		return met, chosen, nil
	}
	all := append(slices.Clone(met), more...)
	answer, err := d.solve(ctx, all)
	var not *resolve.Unsatisfiable
	switch {
	case err == nil:
		return all, answer, nil
	case !errors.As(err, &not):
		return nil, nil, fmt.Errorf("what host %s is to run: %w", d.h.Name, err)
	case len(more) == 1:
		d.hold(more[0], index.Reason{Code: index.CodeUnsatisfiable, Detail: short(not.Error())})
		return met, chosen, nil
	}
	half := len(more) / 2
	if met, chosen, err = d.fit(ctx, met, chosen, more[:half]); err != nil {
		return nil, nil, err
	}
	return d.fit(ctx, met, chosen, more[half:])
}

// longest is how many bytes of an explanation a reason has.
const longest = 1000

func short(text string) string {
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "…"
}

// solve closes some roots over their dependencies: by the newest, or by those that the
// host has where the newest do not fit, such as when they were yanked.
func (d *desire) solve(ctx context.Context, ids []artifact.Name) ([]resolve.Chosen, error) {
	r := resolve.Request{}
	for _, id := range ids {
		r.Wants = append(r.Wants, resolve.Want{ID: id})
	}
	u := &given{d: d, roots: ids, rest: resolve.Over(d.catalog, catalog.Fit{Host: d.h.Host, HostVersion: d.h.Version, Platform: d.h.Platform}, ids...)}
	answer, err := resolve.Resolve(ctx, u, r)
	var not *resolve.Unsatisfiable
	switch {
	case d.untold != nil:
		return nil, d.untold // no answer rather than one that says that a plugin is not there
	case !errors.As(err, &not) || len(d.had) == 0:
		return answer, err
	}
	r.Locked = map[artifact.Name]digest.Digest{}
	for name, item := range d.had {
		if id, err := artifact.ParseName(name); err == nil && item.Digest != "" && !slices.Contains(ids, id) {
			r.Locked[id] = item.Digest
		}
	}
	if answer, err = resolve.Resolve(ctx, u, r); d.untold != nil {
		return nil, d.untold
	}
	return answer, err
}

// run is the item of what was chosen.
func (d *desire) run(c resolve.Chosen) {
	if _, has := d.items[c.ID.String()]; has { // it is held, and another one needs it
		return
	}
	item := index.DesiredItem{Plugin: c.ID.String(), Version: c.Version.String(), Digest: c.Digest, Action: index.DesiredRun}
	if c.PlatformDigest != c.Digest {
		item.PlatformDigest = c.PlatformDigest
	}
	root, is := d.roots[c.ID]
	if c.Requested {
		item.RequestedBy = append(item.RequestedBy, resolve.Requested)
	}
	for _, by := range c.RequestedBy {
		item.RequestedBy = append(item.RequestedBy, by.String())
	}
	last := d.had[item.Plugin]
	switch {
	case last.Digest == c.Digest:
		item.HoldID = last.HoldID
	case lower(c.Version, last) && !is:
		item.HoldID = "dependency"
	case lower(c.Version, last) && !root.install.Pin.IsZero():
		item.HoldID = fmt.Sprintf("pin-%d", root.install.Revision)
	case lower(c.Version, last):
		item.HoldID = fmt.Sprintf("channel-%d", root.install.Revision)
	}
	notices := c.Notices
	if is {
		if len(root.chosen.reasons) > 0 {
			item.Reason = &root.chosen.reasons[0]
		}
		notices = root.plugin.Notices(root.chosen.version)
	}
	for _, n := range notices {
		d.notices = append(d.notices, index.DesiredNotice{Plugin: item.Plugin, Notice: n})
	}
	d.items[item.Plugin] = item
}

// keep has what held plugins needed go on with them, as far as it may run.
func (d *desire) keep(held map[string]bool) {
	for more := len(held) > 0; more; {
		more = false
		for name, last := range d.had {
			id, err := artifact.ParseName(name)
			if _, has := d.items[name]; has || err != nil || !slices.ContainsFunc(last.RequestedBy, func(by string) bool { return held[by] }) {
				continue
			}
			more, held[name], d.touched[id] = true, true, true
			if p, is := d.catalog.Plugin(id); is && stopped(p, last.Digest) != nil {
				d.stop(id, *stopped(p, last.Digest))
			} else {
				d.hold(id, index.Reason{Code: index.CodeUnsatisfiable, Detail: "what needs it is held"})
			}
		}
	}
}

// given is the catalog as a universe in which each root has the one version that was
// chosen, and of the others those may be chosen of which the tenant may be given all that
// they need.
type given struct {
	d     *desire
	roots []artifact.Name
	rest  resolve.Universe
}

// Candidates implements resolve.Universe.
func (g *given) Candidates(id artifact.Name) []resolve.Candidate {
	all := g.all(id)
	withheld := func(c resolve.Candidate) bool { _, is := g.d.withheld(c); return is }
	if !slices.ContainsFunc(all, withheld) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), withheld)
}

// all are the candidates of id, whatever they need.
func (g *given) all(id artifact.Name) []resolve.Candidate {
	g.d.touched[id] = true
	// Whatever needs it, what must not run does not, and what is held goes on as it is.
	if item, has := g.d.items[id.String()]; has {
		return slices.DeleteFunc(slices.Clone(g.rest.Candidates(id)), func(c resolve.Candidate) bool {
			return item.Action != index.DesiredHold || c.Digest != item.Digest
		})
	}
	r, is := g.d.roots[id]
	if !is || !slices.Contains(g.roots, id) {
		return g.rest.Candidates(id)
	}
	v := r.chosen.version
	c := resolve.Candidate{ID: id, Version: v.Version, Digest: v.Digest, PlatformDigest: buildOf(v, g.d.h.Platform), OptIn: true}
	if v.Plugin != nil {
		c.Dependencies = v.Plugin.Dependencies
	}
	return []resolve.Candidate{c}
}

// Absent implements resolve.Universe. What is withheld from the tenant is said to be absent.
func (g *given) Absent(id artifact.Name) string {
	for _, c := range g.all(id) {
		if need, is := g.d.withheld(c); is {
			return fmt.Sprintf("%s needs %s, and there is no plugin %s here", id, need, need)
		}
	}
	return g.rest.Absent(id)
}

// owned finds what the tenant is given whether or not everybody may have it: the roots,
// and what their chosen versions need of their own publishers.
func (d *desire) owned() {
	for id, r := range d.roots {
		d.own[id] = true
		if r.chosen.version.Plugin == nil {
			continue
		}
		for _, need := range r.chosen.version.Plugin.Dependencies {
			if !need.Optional && need.ID.Publisher() == id.Publisher() {
				d.own[need.ID] = true
			}
		}
	}
}

// withheld is something that c needs and that the tenant may not be given for it. A private
// plugin comes by the word of its own publisher: that another one's plugin depends on it
// gives nobody a right to it, whatever else of that publisher the tenant has.
func (d *desire) withheld(c resolve.Candidate) (artifact.Name, bool) {
	for _, need := range c.Dependencies {
		if !need.Optional && !d.admits(c.ID, need.ID) {
			return need.ID, true
		}
	}
	return artifact.Name{}, false
}

func (d *desire) admits(by, need artifact.Name) bool {
	d.touched[need] = true
	if by.Publisher() == need.Publisher() || d.own[need] {
		return true
	}
	if _, asked := d.open[need]; !asked && d.public != nil {
		public, err := d.public(need)
		if err != nil && d.untold == nil {
			d.untold = fmt.Errorf("whether everybody may have plugin %s: %w", need, err)
		}
		d.open[need] = err == nil && public
	}
	return d.open[need]
}

// buildOf is the best build of v for a machine.
func buildOf(v *catalog.Version, p artifact.Platform) digest.Digest {
	var best *artifact.Build
	for k := range v.Builds {
		if b := &v.Builds[k]; p.Runs(b.Platform) && (best == nil || p.Better(b.Platform, best.Platform) > 0) {
			best = b
		}
	}
	if best == nil {
		return ""
	}
	return best.Digest
}
