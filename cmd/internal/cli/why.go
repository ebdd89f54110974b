package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

type whyResult struct{ *index.Why }

func (r whyResult) text(w io.Writer) error {
	err := table(w, func(row func(...string)) {
		row("VERSION", "", "REASON")
		for _, v := range r.Versions {
			if v.Included {
				row(v.Version, "in", "the newest that fits")
			}
			for i, reason := range v.Reasons {
				if i == 0 {
					row(v.Version, "out", reasonText(reason))
					continue
				}
				row("", "", reasonText(reason))
			}
		}
	})
	if err != nil {
		return err
	}
	// What keeps versions out is among their reasons.
	return tellNotices(w, "", slices.DeleteFunc(slices.Clone(r.Notices), func(n index.Notice) bool { return n.Withdrawn }))
}

// reasonText is a reason with its code, which some details begin with.
func reasonText(r index.Reason) string {
	return r.Code + ": " + short(strings.TrimPrefix(r.Detail, r.Code+": "), 300)
}

func newWhy(c *console) *cobra.Command {
	var host hostFlags
	cmd := verb("why PLUGIN", "Say why a version is in an answer, or not",
		"Every version is named with each reason that keeps it out: host range, platform, channel, state,\n"+
			"signature, or that it cannot be read.",
		"oarlock why acme/hello --host example-host --host-version 1.2", "oarlock why acme/hello@0.2.0 --platform darwin/arm64")
	cmd.Args = args(1, 1, "one plugin such as acme/hello or acme/hello@0.2.0")
	cmd.ValidArgsFunction = c.completePlugins
	host.add(cmd.Flags())
	c.addSigned(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := parsePlugin(args[0])
		if err != nil {
			return err
		}
		v, err := p.version()
		if err != nil {
			return err
		}
		cl, err := c.catalog(cmd.Context())
		if err != nil {
			return err
		}
		why, err := cl.Why(cmd.Context(), p.id, host.query())
		if err != nil {
			return fmt.Errorf("why: %w", err)
		}
		if !v.IsZero() {
			if why.Versions, err = onlyVersion(why, v); err != nil {
				return err
			}
		}
		return c.print(whyResult{why})
	}
	return cmd
}

func onlyVersion(why *index.Why, v artifact.Version) ([]index.WhyVersion, error) {
	for _, one := range why.Versions {
		if one.Version == v.String() || one.Version == v.Tag() {
			return []index.WhyVersion{one}, nil
		}
	}
	return nil, fmt.Errorf("why: plugin %q has no version %q: %w", why.ID, v, artifact.ErrNotFound)
}
