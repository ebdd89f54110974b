package cli

import "github.com/spf13/cobra"

func newRollback(c *console) *cobra.Command {
	var store storeFlags
	cmd := verb("rollback --dir D", "Go back to the state before the last change",
		"Needs no network: what the earlier state needs is still there. Where the catalog can be asked, it says\n"+
			"whether what is active again may still run.", "oarlock rollback --dir ./plugins")
	cmd.Args = args(0, 0, "none")
	store.addDir(cmd.Flags())
	c.addSigned(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := store.open()
		if err != nil {
			return err
		}
		done, err := s.Rollback(cmd.Context())
		if err != nil {
			return err
		}
		return store.printOffline(cmd.Context(), c, done)
	}
	return cmd
}
