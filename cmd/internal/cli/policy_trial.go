package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/policy/trust"
)

// trialResult is what a policy would change.
type trialResult struct {
	Changes []index.PolicyChange `json:"changes"`
	Report  index.PolicyTrial    `json:"report"`
}

func (r trialResult) text(w io.Writer) error {
	if len(r.Changes) > 0 {
		if err := table(w, func(row func(...string)) {
			row("CHANGE", "PLUGIN", "VERSION", "NOW", "THEN")
			for _, c := range r.Changes {
				row(c.Change, c.ID, c.Version, standingText(c.Before), standingText(c.After))
			}
		}); err != nil {
			return err
		}
	}
	for _, id := range r.Report.Failed {
		if err := writeLine(w, "%s: could not be read", id); err != nil {
			return err
		}
	}
	p := r.Report
	counts := "nothing changes"
	if len(p.Changes) > 0 {
		var parts []string
		for _, kind := range slices.Sorted(maps.Keys(p.Changes)) {
			parts = append(parts, fmt.Sprintf("%s %d", kind, p.Changes[kind]))
		}
		counts = strings.Join(parts, ", ")
	}
	note := ""
	if p.Dev {
		note = " (the server runs with --dev and lists all; this is told as if it did not)"
	}
	return writeLine(w, "%d versions of %d plugins: listed %d now, %d then; %s%s", p.Versions, p.Plugins, p.ListedBefore, p.ListedAfter, counts, note)
}

func standingText(s index.PolicyStanding) string {
	if !s.Listed {
		var codes []string
		for _, r := range s.Reasons {
			codes = append(codes, r.Code)
		}
		return "pending: " + short(strings.Join(slices.Compact(codes), ", "), 80)
	}
	text := "listed, " + signatureText(s.Signature)
	if len(s.Attested) > 0 {
		text += ", " + strings.Join(s.Attested, ", ")
	}
	return text
}

func newPolicyTest(c *console) *cobra.Command {
	cmd := verb("test FILE", "Try a trust policy on everything stored, and change nothing",
		"The server judges every version by the policy in force and by FILE, and says what would change: what would\n"+
			"be listed or pending newly, whose signature counts. The files that FILE names are sent along. --dev is left\n"+
			"out of both judgements. Exit code 1 says that a version would be lost, 3 that some could not be read.",
		"oarlock policy test trust.next.yaml", "oarlock policy test trust.next.yaml --output json --server https://plugins.example.org")
	cmd.Args = args(1, 1, "one trust policy")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		files, err := policyFiles(cmd.Context(), args[0])
		if err != nil {
			return fmt.Errorf("policy test: %w", err)
		}
		r, err := c.try(cmd.Context(), files)
		if err != nil {
			return fmt.Errorf("policy test: %w", err)
		}
		if err := c.print(r); err != nil {
			return err
		}
		switch {
		case r.Report.Changes[string(ingest.NewlyPending)] > 0:
			return errReported
		case len(r.Report.Failed) > 0:
			return kinded{errReported, errPartial}
		}
		return nil
	}
	return decides(cmd, nil)
}

// policyFiles reads a policy with all files that it names, so that its problems
// are told here, and a server need not have them.
func policyFiles(ctx context.Context, path string) (index.PolicyFiles, error) {
	raw, err := bounded.ReadArgument(ctx, path, trust.MaxPolicy)
	if err != nil {
		return index.PolicyFiles{}, err
	}
	out := index.PolicyFiles{Policy: string(raw), Files: map[string]string{}}
	_, err = trust.Parse(raw, func(name string) ([]byte, error) {
		at := name
		if !filepath.IsAbs(at) {
			at = filepath.Join(filepath.Dir(path), at)
		}
		content, err := bounded.ReadFile(at, trust.MaxPolicy)
		if err == nil {
			err = refusePrivateKey(at, content)
		}
		if err == nil {
			out.Files[name] = string(content)
		}
		return content, err
	})
	return out, argument(err)
}

// try reads the lines of the answer; without the last one the trial did not end.
func (c *console) try(ctx context.Context, files index.PolicyFiles) (r trialResult, err error) {
	r.Changes = []index.PolicyChange{}
	resp, err := c.admin(ctx, http.MethodPost, "/admin/policy/test", files)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if c.terminal() {
		defer fmt.Fprintln(c.Err)
	}
	err = answerLines(ctx, resp, "trial", "report", &r.Report, func(line answerLine, _ []byte) error {
		if line["progress"] == nil {
			var change index.PolicyChange
			err := line.part("change", &change)
			r.Changes = append(r.Changes, change)
			return err
		}
		var p index.PolicyTrial
		if err := line.part("progress", &p); err != nil {
			return err
		}
		if c.terminal() {
			fmt.Fprintf(c.Err, "\r%d versions of %d plugins judged, %d changes ", p.Versions, p.Plugins, len(r.Changes))
		}
		return nil
	})
	return r, err
}
