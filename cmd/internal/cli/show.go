package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// showResult is a plugin, with the moves that can be made of it where the server
// says them.
type showResult struct {
	*index.Detail
	Choices []index.Choice `json:"choices,omitempty"`
}

func (r showResult) text(w io.Writer) error {
	_ = writeLine(w, "%s %s", r.ID, r.Version)
	if r.Description != "" {
		_ = writeLine(w, "%s", short(r.Description, 200))
	}
	fmt.Fprintln(w)
	if err := table(w, func(row func(...string)) {
		writePairs(row, "name", r.Name, "license", r.License, "engines", engineList(r.Engines), "platforms", strings.Join(r.Platforms, ", "),
			"state", string(r.State), "signature", signatureText(r.Signature), "attestations", attestationList(r.attested()), "reference", r.Reference, "permissions", strings.Join(r.Permissions, ", "),
			"needs", dependencyList(r.Dependencies))
		writeMove(row, r.Move)
		writePairs(row, movesOf(r.Choices)...)
	}); err != nil {
		return err
	}
	_ = tellNotices(w, "", r.Notices)
	fmt.Fprintln(w)
	return table(w, func(row func(...string)) {
		row("VERSION", "ENGINES", "SIGNATURE", "CHANNELS", "STATE", "DIGEST")
		for _, v := range r.Versions {
			row(v.Version, engineList(v.Engines), string(v.Signature.Status), strings.Join(v.Channels, ","), versionState(v), v.Digest.String())
		}
	})
}

// movesOf are pairs of whom and of the moves that are legal now: the caller's own
// where he may make one, else those of each group of roles.
func movesOf(all []index.Choice) (pairs []string) {
	moves, by := map[string][]string{}, []string(nil)
	add := func(who, move string) {
		if moves[who] == nil {
			by = append(by, who)
		}
		moves[who] = append(moves[who], move)
	}
	for _, c := range index.Offered(all) {
		if c.May {
			add("you may", c.Move)
		} else {
			add("moves by "+strings.Join(c.By, ", "), c.Move)
		}
	}
	for _, who := range by {
		pairs = append(pairs, who, strings.Join(moves[who], ", "))
	}
	return pairs
}

// attested are the attestations of the version that is shown.
func (r showResult) attested() []index.Attestation {
	for _, v := range r.Versions {
		if v.Version == r.Version {
			return v.Attestations
		}
	}
	return nil
}

type showVersionResult struct{ *index.VersionDetail }

func (r showVersionResult) text(w io.Writer) error {
	_ = writeLine(w, "%s %s\n", r.ID, r.Version.Version)
	if err := table(w, func(row func(...string)) {
		writePairs(row, "reference", r.Reference, "type", r.ArtifactType, "size", byteCount(r.Size), "license", r.License,
			"engines", engineList(r.Engines), "platforms", buildList(r.Platforms), "signature", signatureText(r.Signature),
			"attestations", attestationList(r.Attestations), "channels", strings.Join(r.Channels, ", "), "state", versionState(r.Version), "permissions", strings.Join(r.Permissions, ", "),
			"needs", dependencyList(r.Dependencies))
	}); err != nil {
		return err
	}
	return tellNotices(w, "", r.Notices)
}

// writeMove writes where a move says to go, and until when.
func writeMove(row func(...string), m *index.Move) {
	if m == nil {
		return
	}
	writePairs(row, "replaced by", m.Replacement, "guide", m.Guide, "end of life", dayOf(m.EndOfLife), "expected to end", dayOf(m.Until))
}

func dayOf(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.UTC().Format(time.DateOnly)
}

// writePairs writes pairs of name and value, leaving out what is empty.
func writePairs(row func(...string), pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			row(pairs[i], short(pairs[i+1], 200))
		}
	}
}

func engineList(engines map[string]string) string {
	var out []string
	for _, host := range slices.Sorted(maps.Keys(engines)) {
		out = append(out, host+" "+engines[host])
	}
	return strings.Join(out, ", ")
}

func buildList(builds []index.Build) string {
	var out []string
	for _, b := range builds {
		if b.OS != "" {
			out = append(out, strings.TrimSuffix(b.OS+"/"+b.Arch+"/"+b.Variant, "/"))
		}
	}
	return strings.Join(out, ", ")
}

func dependencyList(needs []index.Dependency) string {
	var out []string
	for _, d := range needs {
		text := d.ID + " " + d.Range
		if d.Optional {
			text += " (optional)"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func signatureText(s index.Signature) string {
	text := string(s.Status)
	if s.Signer != "" {
		text += " by " + s.Signer
	}
	if s.Format != "" {
		text += " (" + s.Format + ")"
	}
	return text
}

func attestationList(all []index.Attestation) string {
	var out []string
	for _, a := range all {
		kind := a.Kind
		if kind == "" {
			kind = a.PredicateType
		}
		switch {
		case !a.Verified:
			kind += " (unverified)"
		case a.Builder != "":
			kind += " (by " + a.Builder + ")"
		}
		out = append(out, kind)
	}
	return strings.Join(out, ", ")
}

// versionState is the state of a version, and what it waits for besides.
func versionState(v index.Version) string {
	var codes []string
	if v.Pending != nil {
		for _, r := range v.Pending.Reasons {
			if r.Code != index.ReasonEmergency && r.Code != index.ReasonBlocked && r.Code != index.ReasonQuarantined { // which the state says
				codes = append(codes, r.Code)
			}
		}
	}
	state := string(v.State)
	switch {
	case len(codes) == 0:
		return state
	case v.State == index.VersionActive:
		return "pending: " + strings.Join(codes, ", ")
	}
	return state + ", pending: " + strings.Join(codes, ", ")
}

// choices are the moves that the server which gave cl says can be made of a plugin:
// none where it keeps no ledgers, and where it does not say, with a line about it. An
// answer that is not whole is an error.
func (c *console) choices(ctx context.Context, cl client.Catalog, id artifact.Name) ([]index.Choice, error) {
	if _, online := cl.(*client.Client); !online {
		return nil, nil // a signed catalog says what holds for everybody
	}
	l, err := call[index.Lifecycle](ctx, c, http.MethodGet, "/plugins/"+id.String()+"/lifecycle", nil)
	var damaged *client.AnswerError
	switch {
	case errors.As(err, &damaged):
		return nil, err
	case err != nil && !errors.Is(err, artifact.ErrNotFound):
		c.note("who may make which move is not told: %s", err)
	}
	return l.Choices, nil
}

func newShow(c *console) *cobra.Command {
	var host hostFlags
	cmd := verb("show PLUGIN", "Show a plugin, or one version of it",
		"With the filters of a host it says which version that host gets.",
		"oarlock show acme/hello", "oarlock show acme/hello@0.2.0 --output yaml", "oarlock show acme/hello --host example-host --host-version 1.2")
	cmd.Args = args(1, 1, "one plugin such as acme/hello or acme/hello@0.2.0")
	cmd.ValidArgsFunction = c.completePlugins
	host.add(cmd.Flags())
	c.addSigned(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := parsePlugin(args[0])
		if err != nil {
			return err
		}
		v, err := p.version()
		if err != nil {
			return err
		}
		cl, err := c.catalog(cmd.Context())
		if err != nil {
			return err
		}
		if !v.IsZero() {
			d, err := cl.Version(cmd.Context(), p.id, v)
			if err != nil {
				return fmt.Errorf("show: %w", err)
			}
			return c.print(showVersionResult{d})
		}
		d, err := cl.Show(cmd.Context(), p.id, host.query())
		if err != nil {
			return fmt.Errorf("show: %w", err)
		}
		choices, err := c.choices(cmd.Context(), cl, p.id)
		if err != nil {
			return fmt.Errorf("show: %w", err)
		}
		return c.print(showResult{d, choices})
	}
	return cmd
}
