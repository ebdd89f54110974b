package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/registry/backup"
	"github.com/oarlock/oarlock/registry/mirror"
	"github.com/oarlock/oarlock/registry/remote"
)

// mirrorResult is what one run copied, and what differs.
type mirrorResult struct {
	Check bool `json:"check"`
	mirror.Report
}

func (r mirrorResult) text(w io.Writer) error {
	for _, list := range []struct {
		what  string
		items []mirror.Item
	}{{"missing", r.Missing}, {"different", r.Different}, {"extra", r.Extra}, {"failed", r.Failed}} {
		for _, i := range list.items {
			if err := writeLine(w, "%s: %s", list.what, inWords(i.String())); err != nil {
				return err
			}
		}
	}
	for _, fix := range refusedFixes(r.Failed) {
		if err := writeLine(w, "  %s", fix); err != nil {
			return err
		}
	}
	for _, p := range r.Unmatched {
		if err := writeLine(w, "unmatched: %s: SRC has, or lists to this login, no repository of that name", p); err != nil {
			return err
		}
	}
	if r.Check {
		return writeLine(w, "%d repositories: %d missing, %d different, %d extra, %d failed",
			r.Repositories, len(r.Missing), len(r.Different), len(r.Extra), len(r.Failed))
	}
	return writeLine(w, "%d repositories: copied %d manifests and %d blobs (%s), set %d tags; %d different, %d extra, %d failed",
		r.Repositories, r.Manifests, r.Blobs, byteCount(r.Bytes), r.Tags, len(r.Different), len(r.Extra), len(r.Failed))
}

// refusedFixes are what to do about what registries refused, each once.
func refusedFixes(failed []mirror.Item) (fixes []string) {
	add := func(fix string) {
		if !slices.Contains(fixes, fix) {
			fixes = append(fixes, fix)
		}
	}
	for _, i := range failed {
		switch i.Status {
		case http.StatusUnauthorized:
			add(fmt.Sprintf("oarlock login %s, or set %s to a token of it that has not ended and --server to %s", i.Registry, tokenEnv, i.Registry))
		case http.StatusForbidden:
			add(fmt.Sprintf("log in to %s as somebody who may: oarlock login %s", i.Registry, i.Registry))
		case http.StatusNotFound:
			add(fmt.Sprintf("check the name; what is private at %s is not there for who may not read it: oarlock login %s", i.Registry, i.Registry))
		}
	}
	return fixes
}

func newMirror(c *console) *cobra.Command {
	var o mirror.Options
	var versions string
	var every time.Duration
	var networks []string
	cmd := verb("mirror SRC DST", "Copy what is new from one registry to another",
		"Versions go with their signatures, attestations and ledgers, over the referrers API or without it; SRC and DST\n"+
			"are any OCI registries, with or without a folder. What DST has is not sent again, so a run that was cut goes on,\n"+
			"and --every keeps a mirror fresh. A version of DST never moves and a ledger never gets shorter: what differs is\n"+
			"told, and is exit code 3, as is what failed and a\n"+
			"pattern that matches nothing (10 where none matches). With --check nothing is copied, and what is missing or different\n"+
			"is exit code 1 (4 where it could not be told). What is private at SRC is not copied to where everybody can\n"+
			"read it. Logins are those of oarlock, oras and docker; listing all repositories of a site needs one.",
		"oarlock mirror plugins.example.org registry.internal",
		"oarlock mirror plugins.example.org registry.internal/plugins --repository 'acme/*' --versions '>=2'",
		"oarlock mirror plugins.example.org registry.internal --check --output json",
		"oarlock mirror plugins.example.org registry.internal --every 1h")
	cmd.Args = args(2, 2, "two registries such as plugins.example.org and registry.internal/folder")
	f := cmd.Flags()
	f.StringSliceVar(&o.Repositories, "repository", nil, "`NAME` or pattern to take, may be repeated; all by default")
	f.StringSliceVar(&o.Except, "except", nil, "`NAME` or pattern to leave out, may be repeated")
	f.StringVar(&versions, "versions", "", "`RANGE` of versions to take, such as '>=2'; all by default")
	f.BoolVar(&o.Check, "check", false, "say what is missing, different or extra; copy nothing")
	f.BoolVar(&o.AllowPublic, "allow-public", false, "copy what is private at SRC to where everybody can read it, too")
	f.DurationVar(&every, "every", 0, "go on, and begin a run every `DURATION` such as 1h, until SIGTERM")
	f.IntVar(&o.Parallel, "parallel", 8, "how much is on its way at once in one repository")
	f.StringSliceVar(&o.Reach.Hosts, "allow-host", nil, "`HOST` that SRC or DST may lead to wherever it is, such as its token service; may be repeated")
	f.StringSliceVar(&networks, "allow-network", nil, "`NETWORK` that they may lead to besides public addresses, such as 10.0.0.0/8; may be repeated")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, at := range args {
			if err := place("mirror", at); err != nil {
				return err
			}
		}
		var err error
		if o.Reach.Networks, err = networksOf(networks); err != nil {
			return err
		}
		o.Reach.Proxy = http.ProxyFromEnvironment // that of whoever runs it
		if every < 0 || o.Check && every > 0 {
			return usagef("--every %s: expected more than 0, and no --check", every)
		}
		if versions != "" {
			r, err := artifact.ParseRange(versions)
			if err != nil {
				return argument(err)
			}
			o.Versions = r
		}
		if o.From, o.To, err = c.remotes(cmd.Context(), args[0], args[1]); err != nil {
			return err
		}
		o.Promote = c.promoter(args[1])
		return c.mirrorEvery(cmd.Context(), every, args[0], args[1], o)
	}
	return decides(cmd, func() bool { return o.Check })
}

// networksOf are those of --allow-network.
func networksOf(given []string) (all []netip.Prefix, err error) {
	for _, n := range given {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			return nil, usagef("--allow-network %q: expected a network such as 10.0.0.0/8", n)
		}
		all = append(all, p)
	}
	return all, nil
}

// mirrorEvery is one run where every is 0, else one after the other until ctx ends.
func (c *console) mirrorEvery(ctx context.Context, every time.Duration, from, to string, o mirror.Options) error {
	for {
		err := c.mirror(ctx, from, to, o)
		if every == 0 {
			return err
		}
		if err != nil && !errors.Is(err, errReported) && ctx.Err() == nil {
			c.note("oarlock: mirror: %s; it is tried again in %s", message(err), every)
		}
		if !pause(ctx, every) {
			return nil
		}
	}
}

// mirror is one run.
func (c *console) mirror(ctx context.Context, from, to string, o mirror.Options) error {
	steps := c.newSteps("mirror")
	o.Progress = func(r mirror.Report) {
		steps.listed.Store(int64(r.Listed))
		steps.at(backup.Progress{Repositories: r.Repositories, Of: r.Of, Objects: r.Manifests + r.Blobs, Bytes: r.Bytes})
	}
	r, err := mirror.Run(ctx, from, to, o)
	steps.done(err)
	if err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	if err := c.print(mirrorResult{o.Check, r}); err != nil {
		return err
	}
	_, folder, _ := strings.Cut(from, "/")
	switch asked := len(o.Repositories) > 0 || strings.Trim(folder, "/") != ""; {
	case asked && r.Repositories == 0 && len(r.Failed) == 0:
		return fmt.Errorf("mirror: %s has no repository that was asked for, or none that this login may list; to take one plugin, name the registry alone and --repository acme/hello: %w", from, artifact.ErrNotFound)
	case o.Check && !r.Same() && len(r.Missing) == 0 && len(r.Different) == 0 && len(r.Failed) > 0:
		return kinded{errReported, errUndecided} // nothing differs in what could be compared
	case o.Check && !r.Same():
		return errReported
	}
	return partialIf(!r.Same() || len(r.Unmatched) > 0)
}

// remotes say how the two sides of a mirror are spoken to. A token of the
// environment is for the one that --server or OARLOCK_SERVER names; one that is
// for neither is a usage error.
func (c *console) remotes(ctx context.Context, from, to string) (a, b remote.Options, err error) {
	from, to = registryOf(from), registryOf(to)
	if os.Getenv(tokenEnv) != "" && !sameHost(c.tokenHost, from) && !sameHost(c.tokenHost, to) {
		return a, b, usagef("mirror: %s is set, and nothing says which of the two registries it is for: give --server %s (or %s), or set OARLOCK_SERVER, or unset %s to use stored logins",
			tokenEnv, from, to, tokenEnv)
	}
	c.tokenSettled = true
	return c.remote(ctx, from, nil), c.remote(ctx, to, nil), nil
}

// promoter sets channels at a mirror that is an Oarlock site.
func (c *console) promoter(place string) func(context.Context, string, string, artifact.Version) error {
	host, folder, _ := strings.Cut(place, "/")
	if strings.Trim(folder, "/") != "" {
		return nil // the names there are not those of plugins
	}
	there := *c
	there.server = host
	return func(ctx context.Context, repository, channel string, v artifact.Version) error {
		for tries := 0; ; tries++ {
			_, err := call[channelResult](ctx, &there, http.MethodPost, "/plugins/"+repository+"/channels/"+channel, map[string]string{"version": v.String()})
			// What was just pushed is in the catalog a moment later, and its
			// signatures a moment after that.
			waits := errors.Is(err, artifact.ErrNotFound) || coded(index.CodeVersionNotListed)(err)
			if !waits || tries >= 8 || !pause(ctx, 50*time.Millisecond<<min(tries, 5)) {
				return err
			}
		}
	}
}

// pause reports false when ctx ended before d was over.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
