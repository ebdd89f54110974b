package cli

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

// newDelete is the one move of a plugin that nothing takes back.
func newDelete(c *console) *cobra.Command {
	var reason, text string
	cmd := verb("delete PLUGIN", "Delete a plugin for good",
		"Its bytes go; its name, its ledger and its leaves in the publication log stay, and none of its versions is\n"+
			"published again. It takes an owner of the publisher, and is refused while anybody has the plugin enabled.\n"+
			"oarlock remove hides a plugin, and can be taken back.",
		"oarlock delete acme/hello --reason discontinued", `oarlock delete acme/hello --reason legal --text "by order of a court" --yes`)
	cmd.Args = args(1, 1, "one plugin such as acme/hello")
	cmd.ValidArgsFunction = c.completePlugins
	reasonFlag(cmd.Flags(), &reason, true)
	cmd.Flags().StringVar(&text, "text", "", "what people read")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := parsePlugin(args[0])
		switch {
		case err != nil:
			return err
		case p.text != "":
			return usagef("delete: %s@%s names a version, and a plugin is deleted as a whole; one version: oarlock yank %s@%s", p.id, p.text, p.id, p.text)
		}
		if err := checkReason("delete", reason, true); err != nil {
			return err
		}
		q := url.Values{"reason": {reason}}
		if text != "" {
			q.Set("text", text)
		}
		r, err := call[lifecycleResult](cmd.Context(), c, http.MethodDelete, "/plugins/"+p.id.String()+"?"+q.Encode(), nil)
		if err != nil {
			return fmt.Errorf("delete: %w", err)
		}
		return c.print(r)
	}
	return c.confirmed(cmd, func(args []string) string {
		if p, err := parsePlugin(args[0]); err != nil || p.text != "" || checkReason("", reason, true) != nil {
			return "" // it is refused without asking
		}
		return fmt.Sprintf("Delete %s for good? Every version of it goes, and none can be published again", args[0])
	})
}
