package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/lint"
)

// lintResult is every problem of a plugin directory.
type lintResult struct {
	OK       bool               `json:"ok"` // nothing more than warnings
	Problems []artifact.Problem `json:"problems"`
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
		if err := sentence(w, "%s", line); err != nil {
			return err
		}
	}
	if r.OK && len(r.Problems) == 0 {
		return sentence(w, "ok")
	}
	return nil
}

func newLint(c *console) *cobra.Command {
	cmd := verb("lint DIR", "Find what is wrong with a plugin directory",
		"Each problem with its place, what was expected, and the mend. Warnings alone are exit code 0.",
		"oarlock lint ./hello", "oarlock lint ./hello --output json")
	cmd.Args = args(1, 1, "one plugin directory")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		problems, err := lint.Dir(args[0])
		if err != nil {
			return err
		}
		if problems == nil {
			problems = []artifact.Problem{}
		}
		r := lintResult{OK: !lint.Failed(problems), Problems: problems}
		if err := c.print(r); err != nil {
			return err
		}
		if !r.OK {
			return errReported
		}
		return nil
	}
	return cmd
}
