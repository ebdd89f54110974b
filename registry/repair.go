package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Repair is Fsck that mends what it can while the registry serves: damaged
// bytes are set aside and, like missing ones, taken from memory or fetched
// from Options.RepairFrom; links are written anew from the manifests that need
// them. Each damage is reported, with Mended where it is whole again. A tag is
// never guessed and never deleted. It may be ended and begun again at any time.
func (g *Keeper) Repair(ctx context.Context, report func(driver.Damage)) error {
	if g.ReadOnly() {
		return fmt.Errorf("repair: the registry was opened read-only: %w", artifact.ErrDenied)
	}
	if err := g.OpenQuarantine(ctx); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	f := &fsck{g: g, report: report, blobs: map[digest.Digest]string{}}
	f.mend = func(ctx context.Context, d *driver.Damage) bool {
		how, err := g.mend(ctx, d)
		switch {
		case err != nil:
			d.What += "; not mended: " + err.Error()
		case how != "":
			d.Mended = how
			g.log.InfoContext(ctx, "registry: damage mended", "repository", d.Repository, "digest", d.Digest, "path", d.Path, "what", d.What, "how", how)
		}
		return how != "" && err == nil
	}
	return g.fsck(ctx, f)
}

// mend makes d good and says how; "" where nothing can.
func (g *Keeper) mend(ctx context.Context, d *driver.Damage) (how string, err error) {
	if d.Repository != "" {
		leave, err := g.Locker().Lock(ctx, "repository/"+d.Repository, true)
		if err != nil {
			return "", err
		}
		defer leave()
	}
	switch d.Kind {
	case driver.DamagedBytes:
		moved, err := g.SetAside(ctx, d.Target, false) // what cannot be read at all stays, and is replaced
		if err == nil && !moved {
			return "good when it was read again", nil
		}
		if d.Repository == "" {
			return "", errors.Join(errors.New("set aside; no repository holds it"), err)
		}
		return g.mendBytes(ctx, d.Repository, d.Link, d.Target)
	case driver.MissingBytes, driver.SetAside:
		return g.mendBytes(ctx, d.Repository, d.Link, d.Target)
	case driver.DamagedLink, driver.MissingReference, driver.LostTag:
		return g.mendLink(ctx, d)
	case driver.DamagedReferrer:
		return g.mendReferrer(ctx, d)
	case driver.MissingMark:
		return "listed", g.driver.PutContent(ctx, driver.MarkPath(d.Repository), []byte(d.Repository))
	}
	return "", nil
}

// mendLink makes the repository hold target again, once its bytes are good.
func (g *Keeper) mendLink(ctx context.Context, d *driver.Damage) (how string, err error) {
	if d.Target.Algorithm() != digest.SHA256 {
		return "", nil // where its bytes are is what the link said
	}
	how = "link written anew"
	if fi, err := g.driver.Stat(ctx, driver.BlobPath(d.Target)); err != nil || fi.Size() == 0 {
		if err := driver.MissingIsFine(err); err != nil {
			return "", err
		}
		fetched, err := g.mendBytes(ctx, d.Repository, d.Link, d.Target)
		if err != nil {
			return "", err
		}
		how += ", bytes " + fetched
	} else if what := g.wrong(ctx, d.Target, nil); what != "" {
		return "", errors.New(what)
	}
	if d.Link == driver.ManifestLink {
		if m, err := g.ManifestBytes(ctx, d.Target); err != nil || m == nil {
			return "", errors.Join(err, fmt.Errorf("the bytes of %s are no manifest", d.Target))
		}
	}
	return how, g.PutLink(ctx, driver.LinkPath(d.Repository, d.Link, d.Target), d.Target)
}

// mendReferrer writes the link of a referrer from its manifest, and removes
// one that its manifest does not know.
func (g *Keeper) mendReferrer(ctx context.Context, d *driver.Damage) (how string, err error) {
	m, err := g.LoadManifest(ctx, d.Repository, d.Target)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return "", err
	}
	if err == nil && m.Subject != nil && m.Subject.Digest.Validate() == nil {
		if err := g.PutReferrer(ctx, d.Repository, m); err != nil {
			return "", err
		}
		if d.Path == driver.ReferrerPath(d.Repository, m.Subject.Digest, m.Digest) {
			return "written anew", nil
		}
	}
	// The list of its subject may be in memory: it is read from storage again.
	defer g.ForgetReferrers()
	return "removed: its manifest says otherwise", driver.MissingIsFine(g.driver.Delete(ctx, d.Path))
}
