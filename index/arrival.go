package index

import (
	"time"

	"github.com/opencontainers/go-digest"
)

// An Arrival names what came to a site at one time: a version, by the digest
// that its tag names, in its repository.
type Arrival struct {
	Repository string
	Digest     digest.Digest
}

// Arrivals say when versions came to a site.
type Arrivals map[Arrival]time.Time
