package cli

import (
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
)

// rebuildResult compares a catalog derived anew with the one that serves.
type rebuildResult struct{ index.Rebuilt }

func (r rebuildResult) text(w io.Writer) error {
	if r.Agrees {
		return writeLine(w, "agrees: %s", r.Rebuilt.Rebuilt)
	}
	for _, d := range r.Differences {
		if err := writeLine(w, "%s", d); err != nil {
			return err
		}
	}
	return writeLine(w, "differs: %d plugins", len(r.Differences))
}

func newRebuild(c *console) *cobra.Command {
	var check bool
	cmd := verb("rebuild", "Derive the catalog from the registry anew",
		"The catalog is a function of what the registry holds, so the result has the same digest as what\n"+
			"serves. With --check nothing is replaced, and a difference is exit code 1.",
		"oarlock rebuild --check", "OARLOCK_TOKEN=oar_… oarlock rebuild --server https://plugins.example.org")
	cmd.Args = args(0, 0, "none")
	cmd.Flags().BoolVar(&check, "check", false, "compare only")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := call[rebuildResult](cmd.Context(), c, http.MethodPost, fmt.Sprintf("/admin/rebuild?check=%t", check), nil)
		if err != nil {
			return fmt.Errorf("rebuild: %w", err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		if check && !r.Agrees {
			return errReported
		}
		return nil
	}
	return decides(cmd, func() bool { return check })
}
