package catalog

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// An Age asks for versions that have been public for a while. The time enters
// with the question: a Snapshot knows none.
type Age struct {
	Least time.Duration
	// Now is the moment of the question. Grain, where it is not zero, is how often
	// the answer changes: what becomes old enough within one, is so at its end.
	Now   time.Time
	Grain time.Duration
	Ages  *Ages
}

// Publications know since when versions are public.
type Publications interface {
	// Published is when a version was listed for the first time; false is not known.
	Published(id artifact.Name, d digest.Digest) (time.Time, bool)
	// Size rises when something more may be known.
	Size() int64
}

// An Exemption is what need not be of any age.
type Exemption struct {
	// Publishers are those whose versions are old enough at once.
	Publishers []string
	// SecurityFixes are versions that follow a yanked one, see Exemption.fixes.
	SecurityFixes bool
}

// Ages keep, for who asks for an age, since when each version is public. They are
// safe for concurrent use.
type Ages struct {
	publications Publications
	exempt       Exemption

	mu sync.RWMutex
	of map[artifact.Name]aged
	// forgot rises with each Forget.
	forgot int64
}

// aged are the versions of one record: since when each is public, in microseconds;
// 0 is not known.
type aged struct {
	leaf  [sha256.Size]byte
	since []int64
	size  int64 // of what was asked, where some were not known; -1: all were
}

// forEver is since when a version is public that need not be of any age.
const forEver = 1

// NewAges gives Ages by what is known of publications.
func NewAges(by Publications, exempt Exemption) *Ages {
	return &Ages{publications: by, exempt: exempt, of: map[artifact.Name]aged{}}
}

// Size rises when more may be known than before, or something else.
func (a *Ages) Size() int64 {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.publications.Size() + a.forgot
}

// Forget has the times of a plugin asked for anew, or those of all where id is the zero
// Name: something else is known of them.
func (a *Ages) Forget(id artifact.Name) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forgot++
	if id == (artifact.Name{}) {
		clear(a.of)
		return
	}
	delete(a.of, id)
}

// cutoff is the last microsecond at which a version was published in time.
func (a *Age) cutoff() int64 {
	now := a.Now
	if a.Grain > 0 {
		now = now.Truncate(a.Grain)
	}
	return now.Add(-a.Least).UnixMicro()
}

// since is when v, a version of p, was published; 0 is not known.
func (a *Ages) since(p *Plugin, i int) int64 {
	if a.exempt.holds(p, i) {
		return forEver
	}
	at, ok := a.publications.Published(p.ID, p.Versions[i].Digest)
	if !ok {
		return 0
	}
	return max(at.UnixMicro(), forEver)
}

// times are since when the versions of e are public.
func (a *Ages) times(e *entry, w *words) []int64 {
	size := a.publications.Size()
	a.mu.RLock()
	known, ok := a.of[e.id]
	forgot := a.forgot
	a.mu.RUnlock()
	if ok && known.leaf == e.leaf && (known.size == -1 || known.size == size) {
		return known.since
	}
	p, err := e.plugin(w)
	if err != nil {
		return nil // not known
	}
	next := aged{leaf: e.leaf, size: -1, since: make([]int64, len(p.Versions))}
	for i := range p.Versions {
		if next.since[i] = a.since(p, i); next.since[i] == 0 {
			next.size = size
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.forgot == forgot { // what was asked for may be what was forgotten
		a.of[e.id] = next
	}
	return next.since
}

// holds reports whether p.Versions[i] need not be of any age.
func (x Exemption) holds(p *Plugin, i int) bool {
	return slices.Contains(x.Publishers, p.ID.Publisher()) || x.SecurityFixes && fixes(p, i)
}

// vulnerable is the reason for which what is yanked calls for a fix. Others, such
// as malware, call for a look at whoever published it.
const vulnerable = "vulnerability"

// fixes reports whether p.Versions[i] is listed and the first above one that was
// yanked for a vulnerability.
func fixes(p *Plugin, i int) bool {
	if !p.Versions[i].Listed() {
		return false
	}
	for j := i + 1; j < len(p.Versions) && !p.Versions[j].Listed(); j++ {
		if y := p.Versions[j].Yanked; y != nil {
			if reason, _, _ := strings.Cut(y.Reason, ":"); reason == vulnerable {
				return true
			}
		}
	}
	return false
}

// young reports whether v, a version of p, is not known to be old enough. What is
// not of p is not.
func (a *Age) young(p *Plugin, v *Version) bool {
	if a == nil {
		return false
	}
	since := a.sinceOf(p, v)
	return since == 0 || since > a.cutoff()
}

func (a *Age) sinceOf(p *Plugin, v *Version) int64 {
	i := slices.IndexFunc(p.Versions, func(o Version) bool { return o.Digest == v.Digest && o.Version.Compare(v.Version) == 0 })
	if i < 0 {
		return 0
	}
	return a.Ages.since(p, i)
}

// Young is why v, a version of p, is not old enough, and until when; false is that
// it is.
func (a *Age) Young(p *Plugin, v *Version) (index.Reason, bool) {
	if !a.young(p, v) {
		return index.Reason{}, false
	}
	since := a.sinceOf(p, v)
	if since == 0 {
		return index.Reason{Code: index.ReasonTooYoung,
			Detail: fmt.Sprintf("the publication log does not say yet since when it is public, and versions younger than %s were not asked for", a.Least)}, true
	}
	public := time.UnixMicro(since).UTC()
	until := public.Add(a.Least)
	if a.Grain > 0 {
		if whole := until.Truncate(a.Grain); whole.Before(until) {
			until = whole.Add(a.Grain)
		}
	}
	return index.Reason{Code: index.ReasonTooYoung, Until: &until, Detail: fmt.Sprintf("public since %s, too young until %s: versions younger than %s were not asked for",
		public.Format(time.RFC3339), until.Format(time.RFC3339), a.Least)}, true
}

// An aging is an Age that is asked of every plugin.
type aging struct {
	ages   *Ages
	words  *words
	cutoff int64
}

func (a *Age) aging(w *words) *aging {
	if a == nil {
		return nil
	}
	return &aging{a.Ages, w, a.cutoff()}
}

// old reports whether the version of one is old enough.
func (a *aging) old(e *entry, one *trait) bool {
	since := a.ages.times(e, a.words)
	i := one.version()
	return i < len(since) && since[i] != 0 && since[i] <= a.cutoff
}
