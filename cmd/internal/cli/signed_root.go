package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
	"github.com/oarlock/oarlock/index/signed"
)

func newCatalog(c *console) *cobra.Command {
	return parent("catalog", "Look after the signed catalog", newCatalogCheck(c),
		parent("root", "Show or rotate the root of the signed catalog", newRootShow(c), newRootRotate(c)))
}

type checkResult struct {
	Catalog string `json:"catalog"`
	signed.Status
}

func (r checkResult) text(w io.Writer) error {
	return table(w, func(row func(...string)) {
		writePairs(row, "catalog", r.Catalog, "generation", strconv.FormatInt(r.Generation, 10), "digest", r.CatalogDigest.String(),
			"made", r.GeneratedAt.Format(time.RFC3339), "expires", r.Expires.Format(time.RFC3339), "plugins", strconv.Itoa(r.Plugins),
			"versions", strconv.Itoa(r.Versions), "root", strconv.FormatInt(r.Root, 10), "fetched", byteCount(r.Fetched))
	})
}

func newCatalogCheck(c *console) *cobra.Command {
	cmd := verb("check --catalog REGISTRY --root FILE", "Say whether a copy of the signed catalog holds",
		"Walks from the pinned root to every plugin as a host does, and says what it came to. What is refused is\n"+
			"named: rollback, expired, mix_and_match, tampered, wrong_key, too_long or malformed, with exit code 12.",
		"oarlock catalog check --catalog mirror.example.org --root root.json", "oarlock catalog check --catalog mirror.example.org/copies --root sha256:… --output json")
	cmd.Args = args(0, 0, "none")
	c.addSigned(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		yes, err := c.signed.settle(c.server)
		if err == nil && !yes {
			err = usagef("which catalog? give --catalog REGISTRY and --root FILE")
		}
		if err != nil {
			return err
		}
		at, err := c.openSigned(cmd.Context())
		if err != nil {
			return fmt.Errorf("catalog %s: %w", c.signed.catalog, err)
		}
		return c.print(checkResult{c.signed.catalog, at.Status()})
	}
	return cmd
}

type rootResult struct {
	signed.RootSummary
	Trusted bool `json:"trusted"` // by a pinned root, or because it is from the keys themselves
}

func (r rootResult) text(w io.Writer) error {
	return table(w, func(row func(...string)) {
		writePairs(row, "root", strconv.FormatInt(r.Version, 10), "digest", r.Digest.String(), "expires", r.Expires.Format(time.RFC3339))
		for _, role := range []string{"root", "targets", "snapshot", "timestamp"} {
			k := r.Roles[role]
			row(role, fmt.Sprintf("%d of %s", k.Threshold, strings.Join(k.KeyIDs, ", ")))
		}
	})
}

func newRootShow(c *console) *cobra.Command {
	var keys, export string
	cmd := verb("show", "Show the root that readers pin",
		"From the keys themselves with --keys, on the machine that has them; else from the registry, whose word\n"+
			"alone it is unless a root is pinned: compare the digest over another way before you pin it.",
		"oarlock catalog root show --keys /var/lib/oarlock/catalog-keys --export root.json",
		"oarlock catalog root show --server https://plugins.example.org --export root.json")
	cmd.Args = args(0, 0, "none")
	c.addSigned(cmd)
	cmd.Flags().StringVar(&keys, "keys", "", "`DIR` of the keys: DATA/catalog-keys of the server")
	cmd.Flags().StringVar(&export, "export", "", "`FILE` to write the root to")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		raw, trusted, err := c.root(cmd.Context(), keys)
		if err != nil {
			return fmt.Errorf("catalog root: %w", err)
		}
		root, err := signed.InspectRoot(raw)
		if err != nil {
			return err
		}
		if export != "" {
			if err := writeOut(export, func(w io.Writer) error { return writeAll(w, raw) }); err != nil {
				return fmt.Errorf("catalog root: %w", err)
			}
		}
		if !trusted {
			c.note("the registry says so, and nobody else: compare the digest over another way before you pin it")
		}
		return c.print(rootResult{root, trusted})
	}
	return cmd
}

// root reads the newest root: of the keys, or of a registry.
func (c *console) root(ctx context.Context, keys string) (raw []byte, trusted bool, err error) {
	if keys != "" {
		k, err := openKeys(keys, nil)
		if err != nil {
			return nil, false, err
		}
		return k.Root(), true, nil
	}
	at, pin := c.signed.catalog, signed.Pin{}
	if at == "" {
		cl, err := c.serverCatalog(ctx)
		if err != nil {
			return nil, false, err
		}
		at = cl.Host()
	}
	if c.signed.root != "" {
		if pin, err = signed.ReadPin(c.signed.root); err != nil {
			return nil, false, argument(err)
		}
	}
	from, err := client.OpenRepository(strings.TrimSuffix(at, "/"+signed.Repository)+"/"+signed.Repository, c.repositories(ctx, registryOf(at)))
	if err != nil {
		return nil, false, argument(err)
	}
	raw, err = signed.NewestRoot(ctx, from, pin, time.Now())
	return raw, c.signed.root != "", err
}

// openKeys opens keys that are there already.
func openKeys(dir string, rootKeys []string) (*signed.Keys, error) {
	if _, err := os.Stat(filepath.Join(dir, "1.root.json")); err != nil {
		return nil, usagef("keys: no root is there: %s", err)
	}
	return signed.OpenKeys(dir, signed.KeyOptions{RootKeys: rootKeys})
}

func newRootRotate(c *console) *cobra.Command {
	var keys, newDir string
	var rootKeys []string
	var r signed.Rotation
	cmd := verb("rotate", "Replace the root of the signed catalog",
		"The next root is signed by the keys of the one before and its own, so that readers follow by themselves.\n"+
			"By default a server does it that has the key of the root. Where that key is kept elsewhere, rotate there\n"+
			"with --keys (a directory with the server's *.root.json) and --root-key, and bring the new N.root.json, and\n"+
			"with --online-keys the new keys, to the server, which publishes them within a minute.",
		"oarlock catalog root rotate", "oarlock catalog root rotate --online-keys --server https://plugins.example.org",
		"oarlock catalog root rotate --keys ./catalog-keys --root-key /media/safe/root.pem --new-root-key /media/safe")
	cmd.Args = args(0, 0, "none")
	f := cmd.Flags()
	f.BoolVar(&r.KeepRootKey, "keep-root-key", false, "only make the root last longer; its key stays")
	f.BoolVar(&r.OnlineKeys, "online-keys", false, "new keys of targets, snapshot and timestamp too; readers forget which versions they saw")
	f.StringVar(&keys, "keys", "", "`DIR` of the keys, to rotate here and not by a server")
	f.StringArrayVar(&rootKeys, "root-key", nil, "`FILE` with a key of the root that is not in DIR")
	f.StringVar(&newDir, "new-root-key", "", "`DIR` for the new key of the root; DIR by default")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if keys == "" {
			if len(rootKeys) > 0 || newDir != "" {
				return usagef("--root-key and --new-root-key go with --keys DIR: a server reads its own keys only")
			}
			return c.rotateByServer(cmd.Context(), r)
		}
		k, err := openKeys(keys, rootKeys)
		if err != nil {
			return err
		}
		r.RootKeyDir = newDir
		if _, err := k.Rotate(r); err != nil {
			return err
		}
		root, err := signed.InspectRoot(k.Root())
		if err != nil {
			return err
		}
		return c.print(rootResult{root, true})
	}
	return c.checked(cmd, func([]string) string {
		if r.KeepRootKey && !r.OnlineKeys {
			return ""
		}
		return "this replaces keys of the signed catalog for good"
	})
}

// rotatedResult is the root that a server made.
type rotatedResult struct{ index.Root }

func (r rotatedResult) text(w io.Writer) error {
	return writeLine(w, "root %d, %s, expires %s", r.Version, r.Digest, r.ExpiresAt.Format(time.RFC3339))
}

func (c *console) rotateByServer(ctx context.Context, r signed.Rotation) error {
	done, err := call[rotatedResult](ctx, c, http.MethodPost, "/admin/catalog/root", map[string]bool{"keep_root_key": r.KeepRootKey, "online_keys": r.OnlineKeys})
	if err != nil {
		return fmt.Errorf("catalog root: %w", err)
	}
	return c.print(done)
}
