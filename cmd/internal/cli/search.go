package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
)

type searchResult struct{ *index.Page }

func (r searchResult) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "nothing fits")
	}
	err := table(w, func(row func(...string)) {
		row("PLUGIN", "VERSION", "SIGNATURE", "LICENSE", "DESCRIPTION")
		for _, p := range r.Items {
			row(p.ID, p.Version, string(p.Signature.Status), p.License, short(p.Description, 60))
		}
	})
	for _, p := range r.Items {
		if err == nil && p.Move != nil {
			err = writeLine(w, "! %s: %s %s", p.ID, p.State, short(p.Move.Why(), 600))
		}
	}
	if err == nil && r.NextCursor != "" {
		err = writeLine(w, "%d of %d; the next ones: --cursor %s", len(r.Items), r.Total, r.NextCursor)
	}
	return err
}

func newSearch(c *console) *cobra.Command {
	var host hostFlags
	var q index.Query
	cmd := verb("search [TEXT]", "Find plugins that fit",
		"Lists each plugin with its newest version that fits the question. What does not fit is not in\n"+
			"the answer: \"oarlock why\" says the reasons.",
		"oarlock search markdown", "oarlock search --host example-host --host-version 1.2 --platform linux/amd64",
		"oarlock search --category tools --sort updated --output json")
	cmd.Args = args(0, -1, "words to search for")
	f := cmd.Flags()
	host.add(f)
	c.addSigned(cmd)
	f.StringVar(&q.Category, "category", "", "one or more categories, comma between")
	f.StringVar(&q.Publisher, "publisher", "", "one or more publishers, comma between")
	f.StringVar(&q.License, "license", "", "one or more SPDX expressions, comma between; MIT finds MIT OR Apache-2.0 too")
	f.StringVar(&q.Niche, "niche", "", "one or more niches, comma between")
	f.StringVar(&q.Tier, "tier", "", "one or more tiers, comma between")
	f.StringVar(&q.State, "state", "", "one or more lifecycle states, comma between")
	f.StringVar(&q.Verified, "verified", "", "true or false: signed by a trusted signer")
	f.StringVar(&q.Signature, "signature", "", "one or more of verified, unverified, unsigned, invalid, comma between")
	f.StringVar(&q.PublisherVerified, "publisher-verified", "", "true or false: whether the publisher's ledger says that it is verified")
	f.StringVar(&q.Source, "source", "", "name of a source")
	f.StringVar(&q.Has, "has", "", "`KIND` of a verified attestation: sbom, provenance, test-result, vulnerabilities, review, or a predicate type")
	f.StringVar(&q.Builder, "builder", "", "`URI` of who built it, by a verified provenance")
	f.StringVar(&q.Sort, "sort", "", "relevance, updated (published there last first) or name (downloads and rating once they are counted)")
	f.IntVar(&q.Limit, "limit", 0, "plugins per page")
	f.StringVar(&q.Cursor, "cursor", "", "where the page before ended")
	f.StringSliceVar(&q.Facets, "facets", nil, "facets to count (json and yaml output)")
	f.Int64Var(&q.Generation, "generation", 0, "answer from this generation of the catalog")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cl, err := c.catalog(cmd.Context())
		if err != nil {
			return err
		}
		h := host.query()
		q.Host, q.HostVersion, q.Platform, q.Channel, q.Prerelease, q.MinimumAge = h.Host, h.HostVersion, h.Platform, h.Channel, h.Prerelease, h.MinimumAge
		q.Text = strings.Join(args, " ")
		page, err := cl.Search(cmd.Context(), q)
		if err != nil {
			return fmt.Errorf("search: %w", err)
		}
		return c.print(searchResult{page})
	}
	return cmd
}
