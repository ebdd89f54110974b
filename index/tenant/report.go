package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// A Report is what a host said last. Its Items are nil where they are as before.
type Report struct {
	Epoch   index.Epoch
	Items   []index.HostItem
	Buckets []map[string]any
	At      time.Time
}

const (
	// MostBuckets is of how many reports of a host the counters are kept.
	MostBuckets = 48
	// mostBucketBytes is how long those of one report may be.
	mostBucketBytes = 64 << 10
	// mostTrace and mostMessage are how many bytes of them are kept.
	mostTrace, mostMessage = 16 << 10, 1000
)

// ReportRows are what the hosts of one tenant said last. They go with their host.
type ReportRows interface {
	// Report is that of a host; artifact.ErrNotFound where it never reported.
	Report(ctx context.Context, host string) (Report, error)
	// Put stores what a host says in place of what it said before. Items that are nil
	// stay; of counters the newest stay. A host that is not there is artifact.ErrNotFound
	// or a conflict.
	Put(ctx context.Context, host string, r Report) error
	// Plugins are what hosts said of plugins, by plugin and host, without traces.
	Plugins(ctx context.Context, plugins []string) (map[string][]index.TenantPluginHost, error)
}

// Report takes what a host says of itself. Where something else runs than before, that is
// one row of the audit log, whatever the number of plugins; the same again leaves none.
func (s *Service) Report(ctx context.Context, id, name string, r index.HostReport) (out index.HostReported, err error) {
	rows, who, err := s.follow(ctx, auth.HostReport, id, name)
	if err != nil {
		return out, err
	}
	n, err := s.checked(r)
	if err != nil {
		return out, err
	}
	err = s.o.InTx(ctx, func(ctx context.Context) error {
		if err := rows.Lock(ctx); err != nil {
			return err
		}
		if _, err := rows.Hosts().Host(ctx, name); err != nil {
			return missing(id, name, who, err)
		}
		was, err := rows.Reports().Report(ctx, name)
		if err != nil && !errors.Is(err, artifact.ErrNotFound) {
			return err
		}
		changes := changesOf(was.Items, n.Items)
		if len(changes) > 0 {
			act := audit.Act{Action: auth.HostReport, On: auth.InHost(id, name)}
			act.Before, act.Planned = ranAndRuns(name, changes)
			if err := s.o.Acts.Do(ctx, act, func(context.Context) (any, error) { return nil, nil }); err != nil {
				return err
			}
		}
		if out.Changed = len(changes); sameItems(was.Items, n.Items) && !was.At.IsZero() {
			n.Items = nil
		}
		return rows.Reports().Put(ctx, name, n)
	})
	return out, err
}

// checked is a report that can be kept.
func (s *Service) checked(r index.HostReport) (Report, error) {
	out := Report{Epoch: r.Epoch, Items: []index.HostItem{}, Buckets: r.Buckets, At: s.o.Clock.Now().UTC()}
	seen := map[string]bool{}
	for n, i := range r.Items {
		if _, err := artifact.ParseName(i.Plugin); err != nil {
			return out, fmt.Errorf("items[%d].plugin: %w", n, err)
		}
		if seen[i.Plugin] {
			return out, fmt.Errorf("items[%d].plugin: %s came before: expected each plugin once: %w", n, i.Plugin, artifact.ErrInvalid)
		}
		seen[i.Plugin] = true
		if _, err := digest.Parse(i.Digest); i.Digest != "" && err != nil {
			return out, fmt.Errorf("items[%d].digest: %.100q: %v: %w", n, i.Digest, err, artifact.ErrInvalid)
		}
		if i.Since != nil {
			since := i.Since.UTC().Truncate(time.Microsecond)
			i.Since = &since
		}
		i.Message, i.Trace = legible(i.Message, mostMessage), legible(i.Trace, mostTrace)
		i.Code, i.Version = legible(i.Code, 64), legible(i.Version, 128)
		out.Items = append(out.Items, i)
	}
	if raw, err := json.Marshal(r.Buckets); err != nil || len(raw) > mostBucketBytes {
		return out, fmt.Errorf("buckets: %d bytes, expected at most %d: %w", len(raw), mostBucketBytes, artifact.ErrInvalid)
	}
	slices.SortFunc(out.Items, func(x, y index.HostItem) int { return strings.Compare(x.Plugin, y.Plugin) })
	return out, nil
}

// legible is the first bytes of a text that every database takes.
func legible(text string, most int) string {
	text = strings.ReplaceAll(text[:min(len(text), most)], "\x00", "")
	return strings.ToValidUTF8(text, "")
}

// A runChange is a plugin of which something else runs than before.
type runChange struct{ plugin, from, to string }

// mostWritten is how many changes of one report the audit log names: a report may have a
// thousand, and its row is kept for good.
const mostWritten = 100

// runRow is what the audit log says of what runs on a host. Changed counts all that
// changes, and Plugins are the first of it.
type runRow struct {
	Host    string   `json:"host"`
	Changed int      `json:"changed"`
	Plugins []runOne `json:"plugins"`
}

type runOne struct {
	Plugin string `json:"plugin"`
	Digest string `json:"digest"`
}

// ranAndRuns is what ran on a host, and what runs, as the audit log has it.
func ranAndRuns(host string, changes []runChange) (before, after runRow) {
	before, after = runRow{Host: host, Changed: len(changes)}, runRow{Host: host, Changed: len(changes)}
	for _, c := range changes[:min(len(changes), mostWritten)] {
		before.Plugins = append(before.Plugins, runOne{c.plugin, c.from})
		after.Plugins = append(after.Plugins, runOne{c.plugin, c.to})
	}
	return before, after
}

// changesOf are the plugins of which something else runs, by name.
func changesOf(was, is []index.HostItem) (out []runChange) {
	all := map[string]runChange{}
	for _, i := range was {
		all[i.Plugin] = runChange{plugin: i.Plugin, from: i.Digest}
	}
	for _, i := range is {
		c := all[i.Plugin]
		c.plugin, c.to = i.Plugin, i.Digest
		all[i.Plugin] = c
	}
	for _, plugin := range slices.Sorted(maps.Keys(all)) {
		if c := all[plugin]; c.from != c.to {
			out = append(out, c)
		}
	}
	return out
}

func sameItems(x, y []index.HostItem) bool {
	return slices.EqualFunc(x, y, func(x, y index.HostItem) bool {
		since := x.Since == nil && y.Since == nil || x.Since != nil && y.Since != nil && x.Since.Equal(*y.Since)
		x.Since, y.Since = nil, nil
		return since && x == y
	})
}

// lastReport is what a host reported last; nil where it never did.
func lastReport(ctx context.Context, rows Rows, host string, traces bool) (*index.LastReport, error) {
	r, err := rows.Reports().Report(ctx, host)
	if errors.Is(err, artifact.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := &index.LastReport{Epoch: r.Epoch.String(), ReportedAt: r.At, Items: append([]index.HostItem{}, r.Items...)}
	for n := range out.Items {
		if !traces {
			out.Items[n].Trace = ""
		}
	}
	return out, nil
}

// withEffect adds to plugins of a tenant what its hosts run of each.
func withEffect(ctx context.Context, rows Rows, plugins []index.TenantPlugin) error {
	names := []string{}
	for _, p := range plugins {
		names = append(names, p.ID)
	}
	all, err := rows.Reports().Plugins(ctx, names)
	if err != nil {
		return err
	}
	for n := range plugins {
		effect(&plugins[n], all[plugins[n].ID])
	}
	return nil
}

// effect says in p what runs: the newest version of which a host says that it does.
func effect(p *index.TenantPlugin, hosts []index.TenantPluginHost) {
	p.Hosts = append([]index.TenantPluginHost{}, hosts...)
	var newest artifact.Version
	for _, h := range hosts {
		v, err := artifact.ParseVersion(h.Version)
		if h.Digest != "" && err == nil && (newest.IsZero() || v.Compare(newest) > 0) {
			newest = v
		}
	}
	p.Effective = newest.String()
	for _, h := range hosts {
		switch {
		case h.Status == index.HostError || h.Status == index.HostBlocked:
			p.EffectiveReason = fmt.Sprintf("%s: %s: %s", h.Host, h.Code, h.Message)
		case h.Digest != p.Digest && h.Digest != "" && p.Enabled:
			p.EffectiveReason = fmt.Sprintf("%s runs %s", h.Host, h.Version)
		case h.Digest != "" && !p.Enabled:
			p.EffectiveReason = fmt.Sprintf("%s runs it still", h.Host)
		default:
			continue
		}
		return
	}
	if p.Enabled && p.Effective == "" {
		p.EffectiveReason = "no host has reported that it runs"
	}
}
