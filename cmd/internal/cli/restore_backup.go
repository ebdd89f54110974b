package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/sitebackup"
)

type restoreResult struct{ sitebackup.Restored }

func (r restoreResult) text(w io.Writer) error {
	for _, d := range r.Damage {
		if err := writeLine(w, "damaged: %s", d); err != nil {
			return err
		}
	}
	if err := writeLine(w, "restored %s: %d repositories, %d objects (%s), %d rows, %d files, damaged %d",
		r.ID, r.Repositories, r.Objects, byteCount(r.Bytes), r.Rows, r.Files, len(r.Damage)); err != nil {
		return err
	}
	if r.Trust != "" {
		if err := writeLine(w, "the trust policy is in %s: give it to the server with --trust", r.Trust); err != nil {
			return err
		}
	}
	if r.Agrees {
		return writeLine(w, "catalog agrees: %s", r.Rebuilt)
	}
	return writeLine(w, "catalog differs: %s, the backup had %q", r.Rebuilt, r.Backup)
}

func newRestoreBackup(c *console) *cobra.Command {
	var id string
	cmd := verb("restore-backup SRC", "Fill an empty site from a backup",
		"Data directory, storage and database must be empty; a restore that was cut goes on when the same command runs\n"+
			"again. Every byte is checked. A backup of SQLite and files restores into PostgreSQL and S3, and the other way\n"+
			"round. At the end the catalog is derived anew: it must have the digest that the backup recorded, or the exit\n"+
			"code is 12, as of a backup whose list of contents was changed. Damage is named and is exit code 3; a SRC that is\n"+
			"no backup is 10, one that this release cannot read 2, and a site that is not empty 11. Start the server afterwards, and never the old one beside it.",
		"oarlock restore-backup /mnt/backups/oarlock --data /var/lib/oarlock",
		"oarlock restore-backup /mnt/backups/oarlock --backup 20300501T120000Z --data ./copy",
		"oarlock restore-backup /mnt/backups/oarlock --data /var/lib/oarlock --storage 's3://plugins?region=eu-central-1' --db postgres://oarlock@db/oarlock")
	cmd.Args = args(1, 1, "a directory of backups")
	siteFlags(cmd.Flags())
	cmd.Flags().StringVar(&id, "backup", "", "restore the one whose `ID` begins so; the newest by default")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := loadConfigFor(cmd.Context(), cmd.Flags(), (*config.Config).ValidateSite)
		if err != nil {
			return err
		}
		privateFiles()
		steps := c.newSteps("restore")
		done, err := sitebackup.Restore(cmd.Context(), cfg, args[0], sitebackup.RestoreOptions{Backup: id, Log: cfg.Log.Logger(c.Err), Progress: steps.at})
		steps.done(err)
		if err != nil {
			err = fmt.Errorf("restore-backup: %w", err)
			if errors.Is(err, artifact.ErrInvalid) { // a backup that this release cannot read
				err = argument(err)
			}
			return err
		}
		if err := c.print(restoreResult{done}); err != nil {
			return err
		}
		if len(done.Damage) == 0 && !done.Agrees {
			return kinded{errReported, artifact.ErrUnverified}
		}
		return partialIf(len(done.Damage) > 0)
	}
	return cmd
}
