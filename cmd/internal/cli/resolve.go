package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

type resolveResult struct {
	*index.Resolution
	// Changed is what the lock file held and the answer does not.
	Changed []client.LockChange `json:"lock_changed,omitempty"`
	// Compatibility is how far the answer was compared with a host: checked,
	// host_named or unchecked.
	Compatibility string `json:"compatibility"`
}

func (r resolveResult) text(w io.Writer) error {
	for _, one := range r.Changed {
		if err := writeLine(w, "! lock: %s", one); err != nil {
			return err
		}
	}
	if err := table(w, func(row func(...string)) {
		row("PLUGIN", "VERSION", "REQUESTED BY", "REFERENCE")
		for _, p := range r.Resolved {
			row(p.ID, p.Version, strings.Join(p.RequestedBy, ", "), p.Reference)
		}
	}); err != nil {
		return err
	}
	for _, p := range r.Resolved {
		if err := tellNotices(w, p.ID+" "+p.Version+": ", p.Notices); err != nil {
			return err
		}
	}
	return nil
}

func newResolve(c *console) *cobra.Command {
	var host hostFlags
	var lock string
	var frozen bool
	cmd := verb("resolve PLUGIN…", "Choose exact digests for plugins and all that they need",
		"Where no choice satisfies every range, it says in sentences who wants what, and what would help.\n"+
			"A lock file keeps what it holds as long as that satisfies every range, and is written anew; what it\n"+
			"held and the answer does not is named. With --frozen that is an error, and nothing is written.\n"+
			"\"oarlock install --lock\" installs what it holds.",
		"oarlock resolve acme/hello --host example-host --host-version 1.2",
		"oarlock resolve acme/hello@^0.2 acme/notes --platform linux/arm64 --lock oarlock-lock.json --output json")
	cmd.Args = args(1, -1, "one plugin or more, such as acme/hello@^0.2")
	cmd.ValidArgsFunction = c.completePlugins
	host.add(cmd.Flags())
	c.addSigned(cmd)
	cmd.Flags().StringVar(&lock, "lock", "", "lock `FILE` to read, if it is there, and to write")
	cmd.Flags().BoolVar(&frozen, "frozen", false, "refuse an answer that is not exactly what the lock file holds")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		plugins, err := wants(args)
		if err != nil {
			return err
		}
		if frozen && lock == "" {
			return usagef("resolve: --frozen came without --lock: which lock file?")
		}
		held, err := readLock(lock, frozen)
		if err != nil {
			return err
		}
		cl, err := c.catalog(cmd.Context())
		if err != nil {
			return err
		}
		asked := index.ResolveRequest{Host: index.HostQuery{ID: host.host, Version: host.hostVersion}, Platform: host.platform,
			Channel: host.channel, Prerelease: host.prerelease, MinimumAge: host.minimumAge, Plugins: plugins, Locked: held.Locked()}
		got, err := cl.Resolve(cmd.Context(), asked)
		if err != nil {
			return fmt.Errorf("resolve: %w", err)
		}
		changed, err := held.Changes(cmd.Context(), cl, got.Resolved, host.query(), frozen)
		if err != nil {
			return fmt.Errorf("resolve: lock %s: %w", lock, err)
		}
		if frozen && len(changed) > 0 {
			return frozenError(lock, changed)
		}
		if lock != "" && !frozen {
			if err := writeLock(lock, asked, got); err != nil {
				return err
			}
		}
		return c.print(resolveResult{got, changed, c.compared(host)})
	}
	return cmd
}
