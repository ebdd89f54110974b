package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
)

// Tombstone is the content of the files below /oarlock/gc.
type Tombstone struct {
	Target digest.Digest `json:"target"`
	Since  time.Time     `json:"since"`
	Run    string        `json:"run"`
}

// ParseTombstone reads what a collector wrote about d. These files are not
// synced; of one that a power cut emptied, the name says what is needed: the
// time counts as long ago, which only a collector asks for.
func ParseTombstone(at string, d digest.Digest, content []byte) (Tombstone, error) {
	var told Tombstone
	if json.Unmarshal(content, &told) == nil && told.Target.Validate() == nil && told.Run != "" {
		return told, nil
	}
	if d.Algorithm() == digest.SHA256 {
		return Tombstone{Target: d, Run: "unknown"}, nil
	}
	return told, &Damage{Path: at, Digest: d, What: fmt.Sprintf("is a file of the collector with content %.80q", content)}
}

// PutUnsynced writes a file whole or not at all, without waiting until it is
// durable.
func (d *Driver) PutUnsynced(ctx context.Context, at string, content []byte) error {
	if d.root != "" {
		return d.putScratch(at, content)
	}
	return d.StorageDriver.PutContent(ctx, at, content)
}
