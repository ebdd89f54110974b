package cli

import "github.com/spf13/cobra"

func newRollback(c *console) *cobra.Command {
	var store storeFlags
	cmd := verb("rollback --dir D", "Go back to the state before the last change",
		"Needs no network: what the earlier state needs is still there.", "oarlock rollback --dir ./plugins")
	cmd.Args = args(0, 0, "none")
	store.addDir(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := store.open()
		if err != nil {
			return err
		}
		done, err := s.Rollback(cmd.Context())
		if err != nil {
			return err
		}
		return c.print(changeResult{Change: done})
	}
	return cmd
}
