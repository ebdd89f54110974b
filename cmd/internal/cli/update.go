package cli

import (
	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
)

func newUpdate(c *console) *cobra.Command {
	var store storeFlags
	cmd := verb("update [PLUGIN…] --dir D", "Bring installed plugins to the newest versions that fit",
		"Without names all of them. The state before stays, so that \"oarlock rollback\" goes back to it.",
		"oarlock update --dir ./plugins --host acme-editor --host-version 2.2", "oarlock update acme/hello --dir ./plugins")
	cmd.Args = args(0, -1, "plugins such as acme/hello")
	store.add(cmd.Flags())
	c.addSigned(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var ids []artifact.Name
		for _, arg := range args {
			id, err := artifact.ParseName(arg)
			if err != nil {
				return argument(err)
			}
			ids = append(ids, id)
		}
		s, err := store.openOnline(cmd.Context(), c)
		if err != nil {
			return err
		}
		done, err := s.Update(cmd.Context(), ids...)
		if err != nil {
			return err
		}
		return c.print(changeResult{done})
	}
	return cmd
}
