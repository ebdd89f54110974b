package integrity

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Repair is Fsck that fixes what it can while the registry serves: damaged
// bytes go into quarantine and are, like missing ones, taken from memory or fetched
// from an origin; links are written anew from the manifests that need
// them. Each damage is reported, with Mended where it is whole again. A tag is
// never guessed and never deleted. It may be ended and begun again at any time.
func (k *Checker) Repair(ctx context.Context, report func(driver.Damage)) error {
	if k.store.ReadOnly() {
		return fmt.Errorf("repair: the registry was opened read-only: %w", artifact.ErrDenied)
	}
	if err := k.store.OpenQuarantine(ctx); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	f := &fsck{g: k, report: report, blobs: map[digest.Digest]string{}}
	f.mend = func(ctx context.Context, d *driver.Damage) bool {
		how, err := k.mend(ctx, d)
		switch {
		case err != nil:
			d.What += "; not mended: " + err.Error()
		case how != "":
			d.Mended = how
			k.log.InfoContext(ctx, "registry: damage mended", "repository", d.Repository, "digest", d.Digest, "path", d.Path, "what", d.What, "how", how)
		}
		return how != "" && err == nil
	}
	return k.fsck(ctx, f)
}

// mend makes d good and says how; "" where nothing can.
func (k *Checker) mend(ctx context.Context, d *driver.Damage) (how string, err error) {
	if d.Repository != "" {
		leave, err := k.store.Locker().Lock(ctx, "repository/"+d.Repository, true)
		if err != nil {
			return "", err
		}
		defer leave()
	}
	switch d.Kind {
	case driver.DamagedBytes:
		moved, err := k.store.Quarantine(ctx, d.Target, false) // what cannot be read at all stays, and is replaced
		if err == nil && !moved {
			return "good when it was read again", nil
		}
		if d.Repository == "" {
			return "", errors.Join(errors.New("quarantined; no repository holds it"), err)
		}
		return k.mendBytes(ctx, d.Repository, d.Link, d.Target)
	case driver.MissingBytes, driver.Quarantined:
		return k.mendBytes(ctx, d.Repository, d.Link, d.Target)
	case driver.DamagedLink, driver.MissingReference, driver.LostTag:
		return k.mendLink(ctx, d)
	case driver.DamagedReferrer:
		return k.mendReferrer(ctx, d)
	case driver.MissingMark:
		return "listed", k.driver.PutContent(ctx, driver.MarkPath(d.Repository), []byte(d.Repository))
	}
	return "", nil
}

// mendLink makes the repository hold target again, once its bytes are good.
func (k *Checker) mendLink(ctx context.Context, d *driver.Damage) (how string, err error) {
	if d.Target.Algorithm() != digest.SHA256 {
		return "", nil // where its bytes are is what the link said
	}
	how = "link written anew"
	if fi, err := k.driver.Stat(ctx, driver.BlobPath(d.Target)); err != nil || fi.Size() == 0 {
		if err := driver.MissingIsFine(err); err != nil {
			return "", err
		}
		fetched, err := k.mendBytes(ctx, d.Repository, d.Link, d.Target)
		if err != nil {
			return "", err
		}
		how += ", bytes " + fetched
	} else if what := k.wrong(ctx, d.Target, nil); what != "" {
		return "", errors.New(what)
	}
	if d.Link == driver.ManifestLink {
		if m, err := k.store.ManifestBytes(ctx, d.Target); err != nil || m == nil {
			return "", errors.Join(err, fmt.Errorf("the bytes of %s are no manifest", d.Target))
		}
	}
	return how, k.store.PutLink(ctx, driver.LinkPath(d.Repository, d.Link, d.Target), d.Target)
}

// mendReferrer writes the link of a referrer from its manifest, and removes
// one that its manifest does not know.
func (k *Checker) mendReferrer(ctx context.Context, d *driver.Damage) (how string, err error) {
	m, err := k.store.LoadManifest(ctx, d.Repository, d.Target)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return "", err
	}
	if err == nil && m.Subject != nil && m.Subject.Digest.Validate() == nil {
		if err := k.store.PutReferrer(ctx, d.Repository, m); err != nil {
			return "", err
		}
		if d.Path == driver.ReferrerPath(d.Repository, m.Subject.Digest, m.Digest) {
			return "written anew", nil
		}
	}
	// The list of its subject may be in memory: it is read from storage again.
	defer k.store.ForgetReferrers()
	return "removed: its manifest says otherwise", driver.MissingIsFine(k.driver.Delete(ctx, d.Path))
}
