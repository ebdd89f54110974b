package cli

import (
	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
)

func newUpdate(c *console) *cobra.Command {
	var store storeFlags
	cmd := verb("update [PLUGIN…] --dir D", "Bring installed plugins to the newest versions that fit",
		"Without names all of them, for the host, from the server and with the policy that the store remembers, where no\n"+
			"flag says otherwise. What stays is verified again. The state before stays too, so that \"oarlock rollback\"\n"+
			"goes back to it.",
		"oarlock update --dir ./plugins", "oarlock update acme/hello --dir ./plugins", "oarlock update --dir ./plugins --host-version 2.2")
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
