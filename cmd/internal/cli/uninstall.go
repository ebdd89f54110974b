package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newUninstall(c *console) *cobra.Command {
	var store storeFlags
	cmd := verb("uninstall PLUGIN… --dir D", "Take installed plugins out, with all that only they need",
		"What stays keeps its digest and is verified again. The state before stays too, so that \"oarlock rollback\"\n"+
			"goes back to it. A plugin that another one needs stays as long as that does.",
		"oarlock uninstall acme/hello --dir ./plugins")
	cmd.Args = args(1, -1, "one installed plugin or more, such as acme/hello")
	store.add(cmd.Flags())
	c.addSigned(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ids, err := pluginIDs(args)
		if err != nil {
			return err
		}
		if _, err := store.open(); err != nil { // a store that is not there is not made
			return err
		}
		s, err := store.openOnline(cmd.Context(), c)
		if err != nil {
			return err
		}
		done, err := s.Remove(cmd.Context(), ids...)
		if err != nil {
			return fmt.Errorf("uninstall: %w", err)
		}
		return store.print(cmd.Context(), c, s, changeResult{Change: done}, args...)
	}
	return cmd
}
