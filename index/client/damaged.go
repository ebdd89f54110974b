package client

import (
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// A Damaged plugin is active, and its files are gone or not what was verified.
type Damaged struct {
	ID      artifact.Name `json:"id"`
	Version string        `json:"version"`
	// Detail says what is wrong, and how the files come again.
	Detail string `json:"detail"`
}

// A DamagedError names all that is active and does not hold. It wraps
// artifact.ErrUnverified.
type DamagedError struct{ Damaged []Damaged }

func (e *DamagedError) Error() string {
	out := make([]string, len(e.Damaged))
	for i, d := range e.Damaged {
		out[i] = d.Detail
	}
	return strings.Join(out, "\n")
}

// Unwrap gives the kind.
func (e *DamagedError) Unwrap() error { return artifact.ErrUnverified }

// needsOf are the plugins that e needs: by its signed manifest, and where that cannot
// be read, by who asked for each when it came.
func (s *Store) needsOf(now set, e entry) []artifact.Name {
	var out []artifact.Name
	r, err := s.recordOf(e)
	if err == nil {
		for _, d := range r.Plugin.Dependencies {
			if !d.Optional {
				out = append(out, d.ID)
			}
		}
		return out
	}
	for _, other := range now.Plugins {
		if other.askedBy(e.ID) {
			out = append(out, other.ID)
		}
	}
	return out
}
