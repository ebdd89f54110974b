package signed

import (
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

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
}

func contentsOf(g *catalog.Generation) Contents {
	s := g.Snapshot
	return Contents{Generation: g.Number, CatalogDigest: s.Digest(), GeneratedAt: g.At.UTC(),
		Plugins: s.Len(), Versions: s.Versions(), Pending: s.Pending(), ShardBits: bitsFor(s.Len())}
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
