package resolve

import (
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/opencontainers/go-digest"
)

// A Universe knows which versions may be chosen.
type Universe interface {
	// Candidates are the versions of id that fit the asking host and platform.
	// Prereleases and versions that only a lock reaches are among them; the
	// solver leaves them out where they were not asked for.
	Candidates(id artifact.Name) []Candidate
	// Absent says in a clause why id has no candidates, such as "no version
	// names host acme-editor". It is asked only then.
	Absent(id artifact.Name) string
}

// A Candidate is one version that may be chosen.
type Candidate struct {
	ID             artifact.Name
	Version        artifact.Version
	Digest         digest.Digest
	PlatformDigest digest.Digest
	Reference      string
	Dependencies   []artifact.Dependency
	// Held says why only a lock reaches it, such as "yanked"; empty is free.
	Held string
	// Notices are what is to be known by whoever takes it.
	Notices []index.Notice
	// OptIn is a prerelease that was asked for by itself, such as by a channel.
	OptIn bool
}

// A Request says what is wanted.
type Request struct {
	Wants []Want
	// Locked plugins stay at their digest as long as it satisfies every range;
	// only they may stay at a version that is held.
	Locked map[artifact.Name]digest.Digest
	// Prerelease lets prereleases satisfy ranges that do not name one.
	Prerelease bool
}

// A Want is one plugin that is asked for. The zero Range means any version.
type Want struct {
	ID    artifact.Name
	Range artifact.Range
}

// A Chosen candidate is part of the answer.
type Chosen struct {
	Candidate
	// Requested says that the request itself wants it.
	Requested bool
	// RequestedBy are the chosen plugins that need it, by name.
	RequestedBy []artifact.Name
}

// inRange reports whether c lies in r; the zero Range holds what "*" holds.
func inRange(r artifact.Range, c Candidate, prerelease bool) bool {
	prerelease = prerelease || c.OptIn
	if r.IsZero() {
		return prerelease || !c.Version.IsPrerelease()
	}
	return r.Contains(c.Version, prerelease)
}

// newestFirst is the candidates of id that may be chosen, newest first.
func newestFirst(u Universe, r Request, id artifact.Name) []Candidate {
	lock := r.Locked[id]
	var out []Candidate
	for _, c := range u.Candidates(id) {
		if c.Held == "" || (lock != "" && c.Digest == lock) {
			out = append(out, c)
		}
	}
	newer := func(a, b Candidate) int { return b.Version.Compare(a.Version) }
	if !slices.IsSortedFunc(out, newer) {
		slices.SortStableFunc(out, newer)
	}
	return out
}
