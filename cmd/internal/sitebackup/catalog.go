package sitebackup

import (
	"context"
	"errors"
	"log/slog"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/derive"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/registry/backup"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// catalogInto derives the catalog from the backup itself, so that a restored
// site can be held to it, and so that the backup was read once before it
// counts.
func catalogInto(ctx context.Context, v *backup.Vault, w *backup.Writer, cfg config.Config, log *slog.Logger) (err error) {
	c := backup.Catalog{Dev: cfg.Footing().ListsDenied}
	if cfg.Trust != "" {
		if err := savePolicy(ctx, w, cfg.Trust, &c); err != nil {
			return err
		}
	}
	s, err := v.View(ctx, w.Manifest(), storage.Options{Options: driver.Options{Logger: log}, CacheBytes: cfg.Limits.Cache})
	if err != nil {
		return err
	}
	h, err := hold(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if c.Digest, err = catalogOf(ctx, cfg, h, log); err != nil {
		return err
	}
	w.Catalog(c)
	return nil
}

// catalogOf is the digest of the catalog that the content of h gives by the
// trust policy of cfg.
func catalogOf(ctx context.Context, cfg config.Config, h held, log *slog.Logger) (digest.Digest, error) {
	basis, err := derive.Open(cfg, clock.Offset(cfg.Drill.ClockOffset))
	if err != nil {
		return "", err
	}
	o := basis.Options(h.storage, h.blocks, log)
	o.Live = catalog.NewLive(catalog.LiveOptions{})
	in, err := ingest.New(o)
	if err != nil {
		return "", err
	}
	s, err := in.Rebuild(ctx)
	if err != nil {
		return "", err
	}
	return s.Digest(), nil
}
