package cli

import (
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/index"
)

// recoverResult is a publication log that was recovered.
type recoverResult struct{ index.LogRecovered }

func (r recoverResult) text(w io.Writer) error {
	if r.Intact {
		return writeLine(w, "nothing is to be done: the log holds, and each of its %d rows in the database is what was signed", r.Size)
	}
	return writeLine(w, "the log has its %d leaves again; the database had %d of them", r.Size, r.Had)
}

func newLogRecover(c *console) *cobra.Command {
	var checkpoint string
	cmd := verb("recover", "Recover the publication log after its database was lost",
		"A server whose database has less of the publication log than was shown, or something else, publishes nothing\n"+
			"(log_behind). This brings the leaves back from what the registry carries (oarlock/log), in the history that\n"+
			"everybody saw, or says how many of them are nowhere and changes nothing. For administrators of the site.\n"+
			"With --checkpoint it is held to the last one that somebody has too. Where nothing is lost nothing is done; to\n"+
			"find that out every row is read, half a minute for a million.",
		"oarlock log recover", "oarlock log recover --checkpoint checkpoint.txt")
	cmd.Args = args(0, 0, "none")
	cmd.Flags().StringVar(&checkpoint, "checkpoint", "", "a signed checkpoint that somebody saw, in this `FILE`: fewer leaves are not enough")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var ask index.LogRecovery
		if checkpoint != "" {
			raw, err := bounded.ReadArgument(cmd.Context(), checkpoint, bounded.Document)
			if err != nil {
				return fmt.Errorf("log recover: %w", err)
			}
			ask.Checkpoint = string(raw)
		}
		done, err := call[index.LogRecovered](cmd.Context(), c, http.MethodPost, "/log/recover", ask)
		if err != nil {
			return fmt.Errorf("log recover: %w", logProblem(err))
		}
		return c.print(recoverResult{done})
	}
	return cmd
}
