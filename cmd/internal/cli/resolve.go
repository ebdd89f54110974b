package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

type resolveResult struct{ *index.Resolution }

func (r resolveResult) text(w io.Writer) error {
	return table(w, func(row func(...string)) {
		row("PLUGIN", "VERSION", "REQUESTED BY", "REFERENCE")
		for _, p := range r.Resolved {
			row(p.ID, p.Version, strings.Join(p.RequestedBy, ", "), p.Reference)
		}
	})
}

func newResolve(c *console) *cobra.Command {
	var host hostFlags
	var lock string
	cmd := verb("resolve PLUGIN…", "Choose exact digests for plugins and all that they need",
		"Where no choice satisfies every range, it says in sentences who wants what, and what would help.\n"+
			"A lock file keeps what it holds as long as that satisfies every range, and is written anew.",
		"oarlock resolve acme/hello --host acme-editor --host-version 2.1",
		"oarlock resolve acme/hello@^1.2 acme/greet --platform linux/arm64 --lock oarlock-lock.json --output json")
	cmd.Args = args(1, -1, "one plugin or more, such as acme/hello@^1.2")
	cmd.ValidArgsFunction = c.completePlugins
	host.add(cmd.Flags())
	c.addSigned(cmd)
	cmd.Flags().StringVar(&lock, "lock", "", "lock `FILE` to read, if it is there, and to write")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		plugins, err := wants(args)
		if err != nil {
			return err
		}
		locked, err := readLock(lock)
		if err != nil {
			return err
		}
		cl, err := c.catalog(cmd.Context())
		if err != nil {
			return err
		}
		got, err := cl.Resolve(cmd.Context(), index.ResolveRequest{
			Host: index.HostQuery{ID: host.host, Version: host.hostVersion}, Platform: host.platform,
			Channel: host.channel, Prerelease: host.prerelease, Plugins: plugins, Locked: locked})
		if err != nil {
			return fmt.Errorf("resolve: %w", err)
		}
		if lock != "" {
			if err := writeLock(lock, got); err != nil {
				return err
			}
		}
		return c.print(resolveResult{got})
	}
	return cmd
}

// lockFile is what resolve --lock keeps: the answer as the API gives it, without
// the generation that it came from.
type lockFile struct {
	Resolved []index.Resolved `json:"resolved"`
}

func readLock(path string) ([]index.Locked, error) {
	if path == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	var f lockFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("lock %s: %s: %w", path, err, artifact.ErrInvalid)
	}
	out := make([]index.Locked, 0, len(f.Resolved))
	for _, r := range f.Resolved {
		out = append(out, index.Locked{ID: r.ID, Digest: r.Digest})
	}
	return out, nil
}

// writeLock replaces the file whole.
func writeLock(path string, r *index.Resolution) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	defer os.Remove(tmp.Name())
	err = encodeJSON(tmp, lockFile{r.Resolved})
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	return nil
}
