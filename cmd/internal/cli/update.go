package cli

import (
	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
)

// pluginIDs are plugins without versions.
func pluginIDs(args []string) ([]artifact.Name, error) {
	var ids []artifact.Name
	for _, arg := range args {
		p, err := parsePlugin(arg)
		if err != nil {
			return nil, err
		}
		if p.text != "" {
			return nil, usagef("plugin %q: a version is not said here: expected %s (install PLUGIN@RANGE changes what is wanted)", arg, p.id)
		}
		ids = append(ids, p.id)
	}
	return ids, nil
}

func newUpdate(c *console) *cobra.Command {
	var store storeFlags
	var dryRun bool
	cmd := verb("update [PLUGIN…] --dir D", "Bring installed plugins to the newest versions that fit",
		"Without names all of them, for the host, from the server and with the policy that the store remembers, where no\n"+
			"flag says otherwise. What stays is verified again. The state before stays too, so that \"oarlock rollback\"\n"+
			"goes back to it. With --dry-run the catalog is asked and nothing is pulled, verified or changed.\n"+
			"What was withdrawn and has no other version stays as it is and is named; the rest goes on, with exit code 3.",
		"oarlock update --dir ./plugins", "oarlock update acme/hello --dir ./plugins", "oarlock update --dir ./plugins --dry-run", "oarlock update --dir ./plugins --host-version 2.2")
	cmd.Args = args(0, -1, "plugins such as acme/hello")
	store.add(cmd.Flags())
	c.addSigned(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would change; change nothing")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ids, err := pluginIDs(args)
		if err != nil {
			return err
		}
		if dryRun {
			s, err := store.openPlanning(cmd.Context(), c)
			if err != nil {
				return err
			}
			plan, err := s.PlanUpdate(cmd.Context(), ids...)
			if err != nil {
				return err
			}
			return store.print(cmd.Context(), c, s, changeResult{Change: plan, DryRun: true, update: true}, args...)
		}
		if _, err := store.open(); err != nil {
			return err
		}
		s, err := store.openOnline(cmd.Context(), c)
		if err != nil {
			return err
		}
		done, err := s.Update(cmd.Context(), ids...)
		if err != nil {
			return err
		}
		return store.print(cmd.Context(), c, s, changeResult{Change: done, update: true}, args...)
	}
	return cmd
}
