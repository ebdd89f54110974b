package signed

import (
	"fmt"
	"strconv"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
)

// Contents says what was signed: the target contents.json. The number of the
// generation and the time are the publishing site's; the digest is of the
// content alone.
type Contents struct {
	Generation    int64         `json:"generation"`
	CatalogDigest digest.Digest `json:"catalog_digest"`
	GeneratedAt   time.Time     `json:"generated_at"`
	Plugins       int           `json:"plugins"`
	Versions      int           `json:"versions"`
	Pending       int           `json:"pending"`
	ShardBits     int           `json:"shard_bits"` // there are 2^ShardBits shards
	// LogCheckpoint is the last signed checkpoint of the publication log when the
	// catalog was published (C2SP tlog-checkpoint); "" where there was none. Who has
	// the catalog can hold the log to it.
	LogCheckpoint string `json:"log_checkpoint,omitempty"`
}

func contentsOf(g *catalog.Generation) Contents {
	s := g.Snapshot
	return Contents{Generation: g.Number, CatalogDigest: s.Digest(), GeneratedAt: g.At.UTC(),
		Plugins: s.Len(), Versions: s.Versions(), Pending: s.Pending(), ShardBits: bitsFor(s.Len())}
}

// GenerationOf is the number that a manifest of a signed catalog names, 0
// where it names none. Nothing of it is verified: it serves to count on above it.
func GenerationOf(manifest []byte) int64 {
	var m ocispec.Manifest
	if artifact.UnmarshalStrict(manifest, &m) != nil {
		return 0
	}
	n, err := strconv.ParseInt(m.Annotations[KeyGeneration], 10, 64)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// parseContents reads contents.json. Errors wrap artifact.ErrInvalid.
func parseContents(raw []byte) (Contents, error) {
	var c Contents
	if err := artifact.UnmarshalStrict(raw, &c); err != nil {
		return c, fmt.Errorf("%s: %s: %w", contentsName, err, artifact.ErrInvalid)
	}
	if c.ShardBits < 0 || c.ShardBits > catalog.MaxShardBits {
		return c, fmt.Errorf("%s: shard_bits %d, expected 0 to %d: a newer reader may be needed: %w", contentsName, c.ShardBits, catalog.MaxShardBits, artifact.ErrInvalid)
	}
	if err := c.CatalogDigest.Validate(); err != nil {
		return c, fmt.Errorf("%s: catalog_digest %.80q: %s: %w", contentsName, c.CatalogDigest, err, artifact.ErrInvalid)
	}
	return c, nil
}
