package cli

import (
	"fmt"
	"io"
	"net/http"
	"strings"

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
		if role.Namespace != "" {
			role.Role += " of " + role.Namespace
		}
		held = append(held, role.Role)
	}
	held = append(held, r.Scopes...)
	if len(held) == 0 {
		return writeLine(w, "%s (at %s)", r.Principal, r.Server)
	}
	return writeLine(w, "%s: %s (at %s)", r.Principal, strings.Join(held, ", "), r.Server)
}

func newWhoami(c *console) *cobra.Command {
	cmd := verb("whoami", "Say whom the server takes you for", "With the roles that you have there.",
		"oarlock whoami", "oarlock whoami --server https://plugins.example.org --output json")
	cmd.Args = args(0, 0, "none")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := call[whoamiResult](cmd.Context(), c, http.MethodGet, "/whoami", nil)
		if err != nil {
			return fmt.Errorf("whoami: %w", err)
		}
		r.Server = c.serverAt(cmd.Context())
		return c.print(r)
	}
	return cmd
}
