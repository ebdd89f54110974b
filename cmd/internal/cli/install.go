package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// storeFlags name a store and how it is filled.
type storeFlags struct {
	dir   string
	trust trustFlags
	host  hostFlags
	flags *pflag.FlagSet

	lock     *client.Lockfile // what is installed comes from; nil is from nowhere but the catalog
	planning bool             // nothing will be pulled, so that nobody need be trusted
	quiet    bool             // what is remembered is not said
}

func (s *storeFlags) addDir(f *pflag.FlagSet) {
	s.flags = f
	f.StringVarP(&s.dir, "dir", "d", "", "`DIR` of the store")
}

func (s *storeFlags) add(f *pflag.FlagSet) {
	s.addDir(f)
	s.trust.addPull(f)
	s.host.add(f)
}

// open opens the store without the network.
func (s *storeFlags) open() (*client.Store, error) {
	if s.dir == "" {
		return nil, usagef("which store? give --dir DIR")
	}
	if _, err := os.Stat(s.dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("store %q: no such directory: %w", s.dir, artifact.ErrNotFound)
	}
	return opened(client.OpenStore(s.dir, client.StoreOptions{}))
}

// opened is a store; a directory that is none is the wrong argument.
func opened(s *client.Store, err error) (*client.Store, error) {
	if errors.Is(err, artifact.ErrInvalid) {
		return nil, argument(err)
	}
	return s, err
}

// openOnline opens the store for changes that ask the catalog.
func (s *storeFlags) openOnline(ctx context.Context, c *console) (*client.Store, error) {
	if s.dir == "" {
		return nil, usagef("which store? give --dir DIR")
	}
	remembered, err := s.recall(c)
	if err != nil {
		return nil, err
	}
	if _, err := c.signed.settle(c.server); err != nil {
		return nil, err
	}
	if err := c.settleToken(s.registry(c)); err != nil {
		return nil, err
	}
	cl, err := c.catalog(ctx)
	if err != nil {
		return nil, err
	}
	c.tokenSettled = true
	pull := func() (*client.Puller, error) {
		return c.puller(ctx, &s.trust, s.host.platform, s.registry(c))
	}
	if s.planning {
		pull = s.pullsNothing
	}
	p, err := pull()
	if err != nil {
		return nil, err
	}
	origin, err := s.origin(c, remembered)
	if err != nil {
		return nil, err
	}
	return opened(client.OpenStore(s.dir, client.StoreOptions{Client: cl, Puller: p, Origin: origin, Recover: s.lock != nil,
		Host: index.HostQuery{ID: s.host.host, Version: s.host.hostVersion}, Channel: s.host.channel, Prerelease: s.host.prerelease, MinimumAge: s.host.minimumAge}))
}

// openPlanning opens the store for questions to the catalog that change nothing.
func (s *storeFlags) openPlanning(ctx context.Context, c *console) (*client.Store, error) {
	if _, err := s.open(); err != nil {
		return nil, err
	}
	s.planning = true
	return s.openOnline(ctx, c)
}

// pullsNothing is a puller that only says which platform is meant.
func (s *storeFlags) pullsNothing() (*client.Puller, error) {
	o := client.PullOptions{AllowUnsignedUnsafe: true}
	if s.host.platform != "" {
		p, err := artifact.ParseKnownPlatform(s.host.platform)
		if err != nil {
			return nil, argument(err)
		}
		o.Platform = p
	}
	return client.NewPuller(o)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// names are the plugins of wants.
func names(wants []index.Want) []string {
	out := make([]string, len(wants))
	for i, w := range wants {
		out[i] = w.ID
	}
	return out
}

// installFlags say what is installed.
type installFlags struct {
	store  storeFlags
	lock   string
	frozen bool
}

func newInstall(c *console) *cobra.Command {
	var f installFlags
	cmd := verb("install [PLUGIN…] --dir D [--lock FILE]", "Install plugins and all that they need",
		"The catalog chooses the versions that fit the host, everything is pulled by digest and verified with\n"+
			"--key or a policy, without which nothing is installed; then one rename makes it active. What is\n"+
			"installed already stays at its digest where it can, and is verified again. The store remembers host,\n"+
			"platform, channel, server and policy: the next change asks the same where no flag or variable says otherwise.\n"+
			"PLUGIN@VERSION pins a plugin to that version: update leaves it there, until it is installed without one.\n"+
			"What was withdrawn is not installed, or stays as it is, and is named; the rest goes on, with exit code 3.\n"+
			"With --lock no version is chosen: a lock file of \"oarlock resolve --lock\", or a store's own oarlock-lock.json, says\n"+
			"the digests; of it all is installed, or only the plugins that are named. It says host, platform and channel too,\n"+
			"where neither a flag nor the store does. With --frozen whatever is not in it, is gone, or is not given any more is\n"+
			"an error that names it, with exit code 11, and nothing is changed. --lock also brings back a store whose\n"+
			"state.json is damaged or gone.",
		"oarlock install acme/hello --dir ./plugins --host example-host --host-version 1.2 --policy trust.yaml",
		"oarlock install acme/hello@^0.2 acme/notes --dir ./plugins --server https://plugins.example.org",
		"oarlock install --lock oarlock-lock.json --frozen --dir ./plugins --policy trust.yaml",
		"oarlock install --lock ./plugins/oarlock-lock.json --dir ./plugins --policy trust.yaml",
		"oarlock install acme/hello --dir ./plugins --catalog mirror.example.org --root root.json --policy trust.yaml")
	cmd.Args = func(cmd *cobra.Command, words []string) error {
		if f.lock != "" {
			return nil
		}
		return args(1, -1, "one plugin or more, such as acme/hello@^0.2, or --lock FILE")(cmd, words)
	}
	cmd.ValidArgsFunction = c.completePlugins
	f.store.add(cmd.Flags())
	c.addSigned(cmd)
	cmd.Flags().StringVar(&f.lock, "lock", "", "lock `FILE` that says what is installed, at which digests")
	cmd.Flags().BoolVar(&f.frozen, "frozen", false, "refuse what is not exactly as the lock file holds it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return f.run(cmd, c, args) }
	return cmd
}

func (f *installFlags) run(cmd *cobra.Command, c *console, words []string) error {
	if f.lock != "" {
		return f.locked(cmd.Context(), c, words)
	}
	if f.frozen {
		return usagef("install: --frozen came without --lock: which lock file?")
	}
	plugins, err := wants(words)
	if err != nil {
		return err
	}
	s, err := f.store.openOnline(cmd.Context(), c)
	if err != nil {
		return err
	}
	done, err := s.Install(cmd.Context(), plugins...)
	if err != nil {
		return fmt.Errorf("install: %w", err)
	}
	return f.store.print(cmd.Context(), c, s, changeResult{Change: done}, names(plugins)...)
}

// locked installs from a lock file.
func (f *installFlags) locked(ctx context.Context, c *console, words []string) error {
	only, err := pluginIDs(words)
	if err != nil {
		return err
	}
	lock, err := client.ReadLockfile(f.lock)
	if err != nil {
		if err = fmt.Errorf("install: %w", err); errors.Is(err, artifact.ErrNotFound) {
			return err
		}
		return argument(err)
	}
	f.store.lock = lock
	s, err := f.store.openOnline(ctx, c)
	if err != nil {
		return err
	}
	done, err := s.InstallLocked(ctx, lock, client.LockedOptions{Only: only, Frozen: f.frozen})
	if err != nil {
		return err
	}
	if done.Recovered {
		c.note("the state of store %s was damaged or gone: it holds now what %s names, and there is no earlier state to roll back to", f.store.dir, f.lock)
	}
	for _, m := range done.Changed {
		if m.To != "" && !lock.Holds(m.ID) {
			c.note("%s %s is not in %s, and is needed", m.ID, m.To, f.lock)
		}
	}
	return f.store.print(ctx, c, s, changeResult{Change: done}, words...)
}
