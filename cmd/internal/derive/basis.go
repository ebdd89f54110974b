package derive

import (
	"log/slog"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index/ingest"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/policy/ledger"
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/storage"
)

// A Basis is all that a catalog is derived by besides the content of its
// registry.
type Basis struct {
	Verifier
	Platform Platform
	Ledgers  *ledger.Judge
	Untagged statements.Untagged // ledgers of publishers that lost their tags

	at            clock.Clock
	trust, memory string // paths
	listDenied    bool
}

// Open reads the trust policy of cfg and the platform's key, which must be there.
// What it makes goes by the clock at.
func Open(cfg config.Config, at clock.Clock) (*Basis, error) {
	who, err := Trust(cfg.Trust)
	if err != nil {
		return nil, err
	}
	b := &Basis{trust: cfg.Trust, at: at, memory: filepath.Join(cfg.Data, "ledgers.json"), listDenied: cfg.Footing().ListsDenied}
	if b.Verifier, err = VerifyBy(who, 0, at.Now); err != nil {
		return nil, err
	}
	key, err := config.PlatformKey(cfg.Data)
	if err != nil {
		return nil, err
	}
	if b.Platform, err = PlatformOf(key); err != nil {
		return nil, err
	}
	b.Ledgers, err = ledger.New(ledger.Options{Platforms: b.Platform.Platforms(who)})
	return b, err
}

// Digest changes with what any of the judges says.
func (b *Basis) Digest() digest.Digest {
	return digest.FromString(b.Verifier.Digest().String() + " " + b.Ledgers.Digest().String())
}

// Reload reads the trust policy again. What is derived already stays as it was.
func (b *Basis) Reload() error {
	who, err := Trust(b.trust)
	if err != nil {
		return err
	}
	if err := b.Signed.SetTrust(who); err != nil {
		return err
	}
	return b.Ledgers.SetPlatforms(b.Platform.Platforms(who))
}

// Options are those of an ingester that derives a catalog by b from what s holds
// and blocks let be read. Live is left to whoever makes it.
func (b *Basis) Options(s *storage.Storage, blocks *block.Blocks, log *slog.Logger) ingest.Options {
	return ingest.Options{
		Source: s, Verifier: b, ListDeniedUnsafe: b.listDenied, Withheld: withheldBy(blocks),
		Ledgers: b.Ledgers, Untagged: &b.Untagged, LedgerMemory: b.memory, Log: log, Now: b.at.Now,
		Head: s.Resolve, Everywhere: blocks.Everywhere,
	}
}
