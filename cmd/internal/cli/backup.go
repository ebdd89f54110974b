package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/sitebackup"
	"github.com/oarlock/oarlock/registry/backup"
)

type backupResult struct{ sitebackup.Made }

func (r backupResult) text(w io.Writer) error {
	for _, d := range r.Damage {
		if err := writeLine(w, "damaged: %s", d); err != nil {
			return err
		}
	}
	for _, id := range r.Pruned {
		if err := writeLine(w, "removed %s", id); err != nil {
			return err
		}
	}
	for _, k := range r.SealKeys {
		where := "it is in no file of this server"
		if k.File != "" {
			where = "it is in " + k.File
		}
		err := writeLine(w, "needs the key %s, which is not in the backup: %s; keep it apart, or the configurations of tenants cannot be opened",
			k.ID, where)
		if err != nil {
			return err
		}
	}
	return writeLine(w, "%s: %d repositories, %d rows, %d files; %d objects (%s) were new, damaged %d; catalog %s",
		r.ID, r.Repositories, r.Rows, r.Files, r.NewObjects, byteCount(r.NewBytes), len(r.Damage), r.Catalog)
}

func newBackup(c *console) *cobra.Command {
	var keep int
	cmd := verb("backup DEST", "Copy a site to a directory, while it serves",
		"Registry, database and the files of the data directory, keys among them, are read where they are stored, so\n"+
			"the server goes on and need not run. Give the configuration that the server has. DEST keeps every byte once:\n"+
			"a later backup copies what is new. A backup holds every write that was acknowledged before it began. It holds\n"+
			"secrets: its files are readable by their owner only; keep it so. The key that seals the configurations of tenants is\n"+
			"not in it: it is named, and has to be kept apart. Damage is named and is exit code 3: the rest is in the backup.",
		"oarlock backup /mnt/backups/oarlock --config /etc/oarlock.yaml --keep 14",
		"oarlock backup /mnt/backups/oarlock --data /var/lib/oarlock",
		"oarlock backup list /mnt/backups/oarlock", "oarlock backup verify /mnt/backups/oarlock")
	cmd.Args = args(1, 1, "a directory for the backups")
	siteFlags(cmd.Flags())
	cmd.Flags().IntVar(&keep, "keep", 0, "keep the `N` newest backups and remove the others; 0 keeps all")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if keep < 0 {
			return usagef("--keep %d: expected 0 for all, or more", keep)
		}
		cfg, err := loadConfigFor(cmd.Context(), cmd.Flags(), (*config.Config).ValidateSite)
		if err != nil {
			return err
		}
		privateFiles()
		steps := c.newSteps("backup")
		made, err := sitebackup.Make(cmd.Context(), cfg, args[0], sitebackup.Options{
			Version: buildVersion(c.version).Version, Keep: keep, Log: cfg.Log.Logger(c.Err), Progress: steps.at,
		})
		steps.done(err)
		if err != nil {
			return fmt.Errorf("backup: %w", err)
		}
		if err := c.print(backupResult{made}); err != nil {
			return err
		}
		return partialIf(len(made.Damage) > 0)
	}
	cmd.AddCommand(newBackupList(c), newBackupVerify(c))
	return cmd
}

// partialIf is exit code 3 for what was told already.
func partialIf(damaged bool) error {
	if damaged {
		return kinded{errReported, errPartial}
	}
	return nil
}

// siteFlags are the settings that say where a site is.
func siteFlags(f *pflag.FlagSet) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	serverFlags(all)
	for _, name := range []string{"config", "data", "storage", "db", "trust", "dev", "log-level", "log-format"} {
		f.AddFlag(all.Lookup(name))
	}
}

type backupList struct {
	Backups []sitebackup.Entry `json:"backups"`
}

func (r backupList) text(w io.Writer) error {
	return table(w, func(row func(...string)) {
		row("BACKUP", "MADE", "REPOSITORIES", "BYTES", "DAMAGED", "CATALOG")
		for _, b := range r.Backups {
			row(b.ID, b.CreatedAt.Format(time.RFC3339), strconv.Itoa(b.Repositories), byteCount(b.Bytes), strconv.Itoa(b.Damage), b.Catalog)
		}
	})
}

func newBackupList(c *console) *cobra.Command {
	cmd := verb("list DEST", "List the backups of a directory",
		"The newest comes first. BYTES counts what a backup holds, not what it added.",
		"oarlock backup list /mnt/backups/oarlock")
	cmd.Args = args(1, 1, "a directory of backups")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		list, err := sitebackup.List(args[0])
		if err != nil {
			return err
		}
		return c.print(backupList{list})
	}
	return cmd
}

type backupCheck struct {
	Checked []string      `json:"checked"`
	Damaged []backupFault `json:"damaged"`
}

type backupFault struct {
	Backup string `json:"backup"`
	backup.Damage
}

func (r backupCheck) text(w io.Writer) error {
	for _, d := range r.Damaged {
		if err := writeLine(w, "%s: %s", d.Backup, d.Damage); err != nil {
			return err
		}
	}
	if len(r.Damaged) > 0 {
		return writeLine(w, "damaged: %d places; delete the files that are named, and the next backup copies them again from the site", len(r.Damaged))
	}
	return writeLine(w, "whole: %s", strings.Join(r.Checked, ", "))
}

func newBackupVerify(c *console) *cobra.Command {
	var id string
	cmd := verb("verify DEST", "Read and hash everything that backups hold",
		"Each byte is read once, whichever backups share it. Damage is exit code 1.",
		"oarlock backup verify /mnt/backups/oarlock", "oarlock backup verify /mnt/backups/oarlock --backup 20300501T120000Z")
	cmd.Args = args(1, 1, "a directory of backups")
	cmd.Flags().StringVar(&id, "backup", "", "check the one whose `ID` begins so; all by default")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		steps := c.newSteps("verify")
		r := backupCheck{Damaged: []backupFault{}}
		var err error
		r.Checked, err = sitebackup.Verify(cmd.Context(), args[0], id, steps.at, func(id string, d backup.Damage) {
			r.Damaged = append(r.Damaged, backupFault{id, d})
		})
		steps.done(err)
		if err != nil {
			return fmt.Errorf("backup verify: %w", err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		if len(r.Damaged) > 0 {
			return errReported
		}
		return nil
	}
	return decides(cmd, nil)
}
