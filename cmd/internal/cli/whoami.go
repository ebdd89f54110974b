package cli

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
)

// whoamiResult is whom the login speaks for.
type whoamiResult struct {
	index.Caller
	Server string `json:"server"`
}

func (r whoamiResult) text(w io.Writer) error {
	var held []string
	for _, role := range r.Roles {
		if role.Tenant != "" {
			role.Role += " of tenant " + role.Tenant
		}
		if role.Namespace != "" {
			role.Role += " of " + role.Namespace
		}
		held = append(held, role.Role)
	}
	held = append(held, r.Scopes...)
	who := r.Principal
	if len(held) > 0 {
		who += ": " + strings.Join(held, ", ")
	}
	if err := writeLine(w, "%s (at %s)", who, r.Server); err != nil {
		return err
	}
	if len(held) == 0 {
		may := "  no roles: may read what is public, and claim a namespace (oarlock publisher claim)"
		if r.Kind == "anonymous" {
			may = "  nobody is logged in: may read what is public"
		}
		if err := writeLine(w, "%s", may); err != nil {
			return err
		}
	}
	if r.Credential == "" {
		return nil
	}
	ends := "never ends"
	if r.ExpiresAt != nil {
		ends = "ends " + r.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return writeLine(w, "  by the %s token %s (%s), which %s", r.Credential, r.Label, r.Token, ends)
}

func newWhoami(c *console) *cobra.Command {
	cmd := verb("whoami", "Say whom the server takes you for", "With the roles that you have there, what the token is bound to, and when it ends.",
		"oarlock whoami", "oarlock whoami --server https://plugins.example.org --output json")
	cmd.Args = args(0, 0, "none")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		who, err := call[index.Caller](cmd.Context(), c, http.MethodGet, "/whoami", nil)
		if err != nil {
			return fmt.Errorf("whoami: %w", err)
		}
		return c.print(whoamiResult{Caller: who, Server: c.serverAt(cmd.Context())})
	}
	return cmd
}
