package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// hostSecretResult is a host with what it logs in with, on the only occasion that it
// is shown.
type hostSecretResult struct{ index.HostSecret }

func (r hostSecretResult) text(w io.Writer) error {
	if err := (tenantHostResult{r.TenantHost}).text(w); err != nil || r.Secret == "" {
		return err
	}
	return writeLine(w, "\nThe host logs in with this; it is shown once and kept nowhere:\n\n  %s", r.Secret)
}

func newTenantHostRotate(c *console) *cobra.Command {
	cmd := verb("rotate TENANT NAME", "Give a host another credential",
		"The one that it had ends at once, on other replicas within a second. "+
			"What runs on the host goes on; until it has the new one, it is told nothing new.",
		"oarlock tenant host rotate north editor-1")
	tenantArg(cmd, 1, "the id of a tenant and the name of a host")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := call[hostSecretResult](cmd.Context(), c, http.MethodPost, tenantHostPath(args)+"/rotate", nil)
		if err != nil {
			return fmt.Errorf("tenant host rotate: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

// desiredEnvelope is a desired state on the wire.
type desiredEnvelope struct {
	PayloadType string `json:"payloadType"`
	Payload     []byte `json:"payload"`
}

// desiredResult is what a host is to run.
type desiredResult struct{ index.DesiredState }

func (r desiredResult) text(w io.Writer) error {
	if err := writeLine(w, "%s/%s at epoch %s, from catalog generation %d, until %s", r.Tenant, r.Host, r.Epoch, r.Generation,
		r.ExpiresAt.UTC().Format("2006-01-02 15:04 MST")); err != nil {
		return err
	}
	if len(r.Items) == 0 {
		return writeLine(w, "nothing is to run")
	}
	return table(w, func(row func(...string)) {
		row("PLUGIN", "ACTION", "VERSION", "DIGEST", "WHY")
		for _, i := range r.Items {
			why := ""
			if i.Reason != nil {
				why = i.Reason.Detail
			}
			row(i.Plugin, string(i.Action), orNone(i.Version), orNone(i.Digest.String()), orNone(why))
		}
	})
}

func newTenantDesired(c *console) *cobra.Command {
	cmd := verb("desired TENANT HOST", "Show what a host of a tenant is to run",
		"Its desired state, as the server computes and signs it now. It is not verified here; hosts do.", "oarlock tenant desired north editor-1")
	tenantArg(cmd, 1, "the id of a tenant and the name of a host")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		e, err := call[desiredEnvelope](cmd.Context(), c, http.MethodGet, tenantHostPath(args)+"/desired", nil)
		if err != nil {
			return fmt.Errorf("tenant desired: %w", err)
		}
		var r desiredResult
		if err := json.Unmarshal(e.Payload, &r.DesiredState); err != nil || e.PayloadType != index.DesiredStateType || r.Host == "" || r.Tenant == "" {
			return fmt.Errorf("tenant desired: %w", &client.AnswerError{Detail: fmt.Sprintf("%.100q is no desired state", e.PayloadType)})
		}
		return c.print(r)
	}
	return cmd
}

// epochResolvedResult is what was decided for a host that is ahead of its server.
type epochResolvedResult struct{ index.EpochResolved }

func (r epochResolvedResult) text(w io.Writer) error {
	for _, p := range r.Pinned {
		if err := writeLine(w, "pinned %s", p); err != nil {
			return err
		}
	}
	return writeLine(w, "the host's next document has epoch %s", r.Epoch)
}

func newTenantHostResolve(c *console) *cobra.Command {
	var choice index.EpochChoice
	cmd := verb("resolve TENANT NAME", "Decide for a host that is ahead of its server",
		"As after the server was restored from a backup: the host changes nothing until it is decided whose state counts. "+
			"--take server has it run what the server says; --take host pins the tenant to what the host reported that it runs.",
		"oarlock tenant host resolve north editor-1 --take server --epoch 1.42")
	tenantArg(cmd, 1, "the id of a tenant and the name of a host")
	cmd.Flags().StringVar(&choice.Take, "take", "", "whose state counts: `server` or host")
	cmd.Flags().StringVar(&choice.Epoch, "epoch", "", "the `EPOCH` that the host goes by, as the conflict says it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if choice.Take == "" || choice.Epoch == "" {
			return usagef("tenant host resolve: give --take server or --take host, and --epoch")
		}
		r, err := call[epochResolvedResult](cmd.Context(), c, http.MethodPost, tenantHostPath(args)+"/resolve", choice)
		if err != nil {
			return fmt.Errorf("tenant host resolve: %w", err)
		}
		return c.print(r)
	}
	return cmd
}
