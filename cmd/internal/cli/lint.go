package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/lint"
	"github.com/oarlock/oarlock/artifact/pack"
)

// lintResult is every problem of a plugin directory.
type lintResult struct {
	OK       bool               `json:"ok"` // nothing more than warnings
	Problems []artifact.Problem `json:"problems"`
	// NotChecked is what could not be looked at, because of something that is wrong.
	NotChecked []lint.Unchecked `json:"not_checked,omitempty"`
	// Server is what the server would say to a push, where it was asked.
	Server *draftResult `json:"server,omitempty"`

	failed bool // here, whatever the server says
}

func (r lintResult) text(w io.Writer) error {
	for _, p := range r.Problems {
		kind := "error"
		if p.Warning {
			kind = "warning"
		}
		line := fmt.Sprintf("%s: %s: %s", p.Place, kind, p.Detail)
		if p.Fix != "" {
			line += " (" + p.Fix + ")"
		}
		if err := writeLine(w, "%s", line); err != nil {
			return err
		}
	}
	for _, u := range r.NotChecked {
		if err := writeLine(w, "not checked: %s, because %s", u.What, u.Because); err != nil {
			return err
		}
	}
	if r.Server != nil {
		return r.Server.text(w)
	}
	if r.OK && len(r.Problems) == 0 {
		return writeLine(w, "ok")
	}
	return nil
}

func newLint(c *console) *cobra.Command {
	var online bool
	cmd := verb("lint DIR|LAYOUT", "Find what is wrong with a plugin directory",
		"Each problem with its place, what was expected, and how to fix it. Warnings alone are exit code 0.\n"+
			"Everything is said in one go; what could not be checked because of something else that is wrong is named.\n"+
			"Nobody is asked. With --server URL, or with --online the server of OARLOCK_SERVER or of the last login, that server\n"+
			"also says by its own rules what it would answer to a push, with the same codes and exit code: whose the\n"+
			"namespace is, whether the version is taken, what does not fit the quota. Nothing is pushed or reserved.",
		"oarlock lint ./hello", "oarlock lint ./hello --output json", "oarlock lint ./hello --server https://plugins.example.org", "oarlock lint hello.tar --online")
	cmd.Args = args(1, 1, "one plugin directory, or what was packed of one with --server or --online")
	cmd.Flags().BoolVar(&online, "online", false, "ask the server too")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		online = online || c.signed.serverGiven
		r, err := c.lint(cmd.Context(), args[0], online)
		if err != nil {
			return err
		}
		if err := c.print(r); err != nil {
			return err
		}
		switch {
		case r.OK:
			return nil
		case r.failed || r.Server == nil:
			return errReported
		}
		return errors.Join(errReported, r.Server.refusal())
	}
	return decides(cmd, func() bool { return online })
}

// lint judges path here, and at the server, which is asked too where something is
// wrong here and it can be packed all the same.
func (c *console) lint(ctx context.Context, path string, online bool) (r lintResult, err error) {
	r.Problems = []artifact.Problem{}
	if !online || !isPacked(path) {
		found, err := lint.Look(path)
		if err != nil {
			return r, err
		}
		r.Problems, r.NotChecked = append(r.Problems, found.Problems...), found.Unchecked
	}
	r.failed = lint.Failed(r.Problems)
	if r.OK = !r.failed; !online {
		return r, nil
	}
	at, err := c.lintAt(ctx, path)
	switch {
	case err != nil && r.failed && ctx.Err() == nil:
		because := text(err)
		if errors.Is(err, errUnpacked) {
			because = "it cannot be packed as it is"
		}
		r.NotChecked = append(r.NotChecked, lint.Unchecked{What: "what " + at.Server + " would answer to a push", Because: because})
	case err != nil:
		return r, fmt.Errorf("lint: %w", err)
	default:
		r.Server, r.OK = &at, r.OK && at.OK
	}
	return r, nil
}

// isPacked reports whether path is what pack made, and no plugin directory.
func isPacked(path string) bool {
	info, err := os.Stat(path)
	return err == nil && (!info.IsDir() || pack.IsLayout(path))
}
