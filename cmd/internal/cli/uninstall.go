package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newUninstall(c *console) *cobra.Command {
	var store storeFlags
	cmd := verb("uninstall PLUGIN… --dir D", "Take installed plugins out, with all that only they need",
		"Needs no network, and nobody is asked whom to trust: what stays keeps its digest. The state before stays too,\n"+
			"so that \"oarlock rollback\" goes back to it. A plugin that another one needs stays as long as that does.\n"+
			"Where the catalog can be asked, it says whether what stays may still run.",
		"oarlock uninstall acme/hello --dir ./plugins")
	cmd.Args = args(1, -1, "one installed plugin or more, such as acme/hello")
	store.add(cmd.Flags())
	c.addSigned(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ids, err := pluginIDs(args)
		if err != nil {
			return err
		}
		s, err := store.open()
		if err != nil {
			return err
		}
		done, err := s.Remove(cmd.Context(), ids...)
		if err != nil {
			return fmt.Errorf("uninstall: %w", err)
		}
		return store.printOffline(cmd.Context(), c, done)
	}
	return cmd
}
