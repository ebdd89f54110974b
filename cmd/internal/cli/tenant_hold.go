package cli

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// tenantHeld is which plugins of a tenant are held now, or no more.
type tenantHeld struct{ index.TenantHeld }

func (r tenantHeld) text(w io.Writer) error {
	if len(r.Plugins) == 0 {
		return writeLine(w, "no enabled plugin to change")
	}
	for _, id := range r.Plugins {
		said := id + " is held no more"
		if r.Hold != nil {
			said = id + " is held until " + r.Hold.Until.Format(time.RFC3339)
		}
		if err := writeLine(w, "%s", said); err != nil {
			return err
		}
	}
	return nil
}

// holdArgs are a tenant, and a plugin of it or none, which is all.
func holdArgs(cmd *cobra.Command, got []string) error {
	if err := args(1, 2, "the id of a tenant, and a plugin such as acme/hello; without one, all are meant")(cmd, got); err != nil {
		return err
	}
	if err := argument(artifact.CheckSegment(got[0])); err != nil || len(got) == 1 {
		return err
	}
	_, err := artifact.ParseName(got[1])
	return argument(err)
}

// holdCall changes the hold of one plugin, or of all.
func holdCall(cmd *cobra.Command, c *console, method string, args []string, body any) error {
	if len(args) == 2 {
		return tenantPluginCall(cmd, c, method, args, "hold", body)
	}
	r, err := call[tenantHeld](cmd.Context(), c, method, tenantPath(args[0], "/hold"), body)
	if err != nil {
		return fmt.Errorf("tenant %s: %w", cmd.Name(), err)
	}
	return c.print(r)
}

func newTenantHold(c *console) *cobra.Command {
	var n index.NewHold
	var until string
	cmd := verb("hold TENANT [PLUGIN]", "Keep a tenant at what it has of a plugin, or of all, for a time",
		"No update comes until then, whatever pin or channel say; what must not run is stopped all the same.\n"+
			"Without a plugin, all that are enabled now are held.",
		"oarlock tenant hold north acme/hello --until 14d", "oarlock tenant hold north --until 2027-01-02T08:00:00Z --reason \"end of the year\"")
	cmd.Args = holdArgs
	cmd.Flags().StringVar(&until, "until", "", "when it ends by itself: days such as 14d, a duration such as 12h, or a time")
	cmd.Flags().StringVar(&n.Reason, "reason", "", "why, for people")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		end, err := parseExpiry(until, time.Now())
		if err != nil || end.IsZero() {
			return usagef("tenant hold: --until %q: expected days such as 14d, a duration such as 12h, or a time such as 2027-01-02T08:00:00Z", until)
		}
		n.Until = end
		return holdCall(cmd, c, http.MethodPost, args, n)
	}
	return cmd
}

func newTenantUnhold(c *console) *cobra.Command {
	cmd := verb("unhold TENANT [PLUGIN]", "End the hold of a plugin, or of all", "At once: what its pin or channel gives comes with the next poll.",
		"oarlock tenant unhold north acme/hello", "oarlock tenant unhold north")
	cmd.Args = holdArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return holdCall(cmd, c, http.MethodDelete, args, nil)
	}
	return cmd
}
