package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index/explained"
	"github.com/oarlock/oarlock/policy"
)

// explainResult is a judgement told step by step.
type explainResult struct{ explained.Explained }

func (r explainResult) text(w io.Writer) error {
	verdict := map[policy.Outcome]string{policy.Allow: "passes", policy.Deny: "does not pass", policy.Unknown: "could not be judged"}[r.Outcome]
	if err := writeLine(w, "%s %s %s\n%s\n", r.ID, r.Version, verdict, r.Reference); err != nil {
		return err
	}
	for _, s := range r.Steps {
		if err := writeLine(w, "%-11s %s %s", s.Stage, marks[s.Outcome], short(s.Sentence, 1000)); err != nil {
			return err
		}
		if s.Digest != "" {
			if err := writeLine(w, "%16s%s", "", s.Digest); err != nil {
				return err
			}
		}
	}
	for i, fix := range r.Fixes {
		before := "- %s"
		if i == 0 {
			before = "\nit would pass, if\n- %s"
		}
		if err := writeLine(w, before, short(fix, 1000)); err != nil {
			return err
		}
	}
	return nil
}

// marks are the outcomes as a list shows them.
var marks = map[policy.Outcome]string{policy.Allow: "yes", policy.Deny: "no ", policy.Unknown: "?  "}

func newPolicyExplain(c *console) *cobra.Command {
	cmd := verb("explain PLUGIN@VERSION", "Explain how a version was judged, step by step",
		"Which namespace of the trust policy decides, what each piece of evidence was found to be, what is required,\n"+
			"and what would make the version pass. The server judges anew to say it. Whoever may pull the plugin may ask.",
		"oarlock policy explain acme/hello@0.2.0", "oarlock policy explain acme/hello@0.2.0 --output json")
	cmd.Args = args(1, 1, "one version such as acme/hello@0.2.0")
	cmd.ValidArgsFunction = c.completePlugins
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := parsePlugin(args[0])
		if err != nil {
			return err
		}
		v, err := p.version()
		if err != nil {
			return err
		}
		if v.IsZero() {
			return usagef("policy explain: which version? say %s@VERSION (oarlock show %s names them)", p.id, p.id)
		}
		path := fmt.Sprintf("/plugins/%s/%s/versions/%s/policy", p.id.Publisher(), p.id.Plugin(), url.PathEscape(v.String()))
		e, err := call[explained.Explained](cmd.Context(), c, http.MethodGet, path, nil)
		if err != nil {
			return fmt.Errorf("policy explain: %w", err)
		}
		return c.print(explainResult{e})
	}
	return cmd
}
