package emergency

import (
	"time"

	"github.com/oarlock/oarlock/index"
)

// deaf is how long a replica that hears nothing of what others block goes on to hand
// out URLs; one that hears it does so for less than a second.
const deaf = 5 * time.Second

// urlsUntil is when the last URL ends by which a blob of r is read past the registry;
// nil is that there is none, or that nobody knows since when it is held here.
func (s *Service) urlsUntil(r Record, now time.Time) *time.Time {
	if s.o.SignedURLs == 0 || !r.State.Holds() || r.Body.Source == index.EmergencyOfMirror {
		return nil
	}
	since := r.Body.HeldAt
	switch {
	case !since.IsZero():
	case !r.Body.Settled: // it may not be held everywhere yet
		since = now
	default:
		since = r.Body.ProposedAt
	}
	until := since.Add(deaf + s.o.SignedURLs)
	if !until.After(now) {
		return nil
	}
	return &until
}
