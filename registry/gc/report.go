package gc

import (
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A Decision says what becomes of one item.
type Decision string

// The decisions.
const (
	Keep         Decision = "keep"
	Remove       Decision = "remove" // set aside first, and dropped by a later run
	CouldNotTell Decision = "could_not_tell"
)

// A Kind says what an item is.
type Kind string

// The kinds of item. Bytes belong to no repository.
const (
	Manifest Kind = "manifest"
	Blob     Kind = "blob"
	Bytes    Kind = "bytes"
)

// An Item is one stored thing, what becomes of it, and why.
type Item struct {
	Repository string        `json:"repository,omitempty"`
	Digest     digest.Digest `json:"digest"`
	Kind       Kind          `json:"kind"`
	Size       int64         `json:"size"`
	Decision   Decision      `json:"decision"`
	Reason     string        `json:"reason"`
}

// A Report sums up a run; of a dry one it says what a run would do now.
type Report struct {
	DryRun            bool            `json:"dry_run"`
	Started           time.Time       `json:"started"`
	Finished          time.Time       `json:"finished"`
	Repositories      int             `json:"repositories"`
	Unchanged         int             `json:"unchanged"` // of those, how many were as a run had left them
	ManifestsKept     int             `json:"manifests_kept"`
	ManifestsSetAside int             `json:"manifests_set_aside"`
	ManifestsRemoved  int             `json:"manifests_removed"`
	BlobsKept         int             `json:"blobs_kept"` // bytes that stay, of manifests too
	BlobsMarked       int             `json:"blobs_set_aside"`
	BlobsRemoved      int             `json:"blobs_removed"`
	BytesFreed        int64           `json:"bytes_freed"`
	Damaged           []driver.Damage `json:"damaged,omitempty"`
}

// Progress says how far a run is.
type Progress struct {
	Repository   string // the one that was looked at last, "" once bytes are
	Repositories int
	Blobs        int
}

// Totals are counters over the life of a Collector, for metrics. Dry runs do
// not count.
type Totals struct {
	Runs, Failures                 int64
	ManifestsRemoved, BlobsRemoved int64
	BytesFreed                     int64
	Damaged                        int64 // in the last run
	LastFinished                   time.Time
	LastDuration                   time.Duration
}

type counters struct {
	runs, failures, manifests, blobs, bytes, damaged, finished, took atomic.Int64
}

func (c *counters) add(r Report, err error) {
	c.runs.Add(1)
	if err != nil {
		c.failures.Add(1)
	}
	c.manifests.Add(int64(r.ManifestsRemoved))
	c.blobs.Add(int64(r.BlobsRemoved))
	c.bytes.Add(r.BytesFreed)
	c.damaged.Store(int64(len(r.Damaged)))
	c.finished.Store(r.Finished.UnixNano())
	c.took.Store(int64(r.Finished.Sub(r.Started)))
}

// Totals reads the counters. They may be read during a run.
func (c *Collector) Totals() Totals {
	t := Totals{
		Runs: c.totals.runs.Load(), Failures: c.totals.failures.Load(),
		ManifestsRemoved: c.totals.manifests.Load(), BlobsRemoved: c.totals.blobs.Load(),
		BytesFreed: c.totals.bytes.Load(), Damaged: c.totals.damaged.Load(),
		LastDuration: time.Duration(c.totals.took.Load()),
	}
	if at := c.totals.finished.Load(); at != 0 {
		t.LastFinished = time.Unix(0, at)
	}
	return t
}
