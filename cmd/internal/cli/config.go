package cli

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/cmd/internal/config"
)

// configResult is the effective configuration, with secrets hidden.
type configResult struct{ config.Config }

func (r configResult) text(w io.Writer) error { return encodeYAML(w, r) }

// MarshalJSON keeps secrets out of every form of output.
func (r configResult) MarshalJSON() ([]byte, error) { return json.Marshal(r.Hidden()) }

func newConfig(c *console) *cobra.Command {
	check := verb("check", "Print the effective configuration, or every problem of it",
		"Reads file, environment and flags as serve does, starts nothing, and hides secrets.",
		"oarlock config check --config /etc/oarlock.yaml", "OARLOCK_LISTEN=0.0.0.0:80 oarlock config check --output json")
	check.Args = args(0, 0, "none")
	serverFlags(check.Flags())
	check.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := loadConfig(cmd.Context(), cmd.Flags())
		if err != nil {
			return err
		}
		for _, w := range cfg.Warnings() {
			c.note("warning: %s", w)
		}
		return c.print(configResult{cfg})
	}
	show := newConfigShow(c)
	cmd := parent("config", "Look at the configuration of this program, and of a server", show, check)
	cmd.Long = cmd.Short + ".\n\nWithout a verb it is \"oarlock config show\"."
	cmd.RunE = show.RunE
	return cmd
}
