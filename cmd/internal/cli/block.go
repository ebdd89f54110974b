package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oarlock/oarlock/index"
)

// blockResult is one thing that may not be pulled.
type blockResult struct{ index.Block }

func (r blockResult) text(w io.Writer) error {
	if err := writeLine(w, "%s cannot be pulled any more (%s): %s", r.what(), r.Code, r.Reason); err != nil || r.Until == nil {
		return err
	}
	until := r.Until.UTC().Format(time.RFC3339)
	if r.Emergency == "" {
		return writeLine(w, "it ends by itself at %s", until)
	}
	return writeLine(w, "it is a proposal, which ends by itself at %s; another person confirms it: oarlock emergency-remove confirm %s", until, r.Emergency)
}

// end is when a block ends by itself, for people.
func (r blockResult) end() string {
	switch {
	case r.Until != nil:
		return r.Until.UTC().Format(time.RFC3339)
	case r.HeldBy == index.HeldByNobody:
		return "no end: decide"
	}
	return "-"
}

func (r blockResult) what() string {
	switch {
	case r.Repository == "":
		return r.Digest
	case r.Digest == "":
		return r.Repository
	case r.Tag == "":
		return r.Repository + "@" + r.Digest
	}
	return r.Repository + "@" + r.Tag
}

type blockList struct {
	Items []blockResult `json:"items"`
}

func (r blockList) text(w io.Writer) error {
	if len(r.Items) == 0 {
		return writeLine(w, "nothing is blocked")
	}
	return table(w, func(row func(...string)) {
		row("REPOSITORY", "TAG", "DIGEST", "CODE", "REASON", "BY", "SINCE", "UNTIL", "HELD BY")
		for _, b := range r.Items {
			row(b.Repository, b.Tag, b.Digest, b.Code, b.Reason, b.By, b.At.Format(time.RFC3339), b.end(), strings.TrimSpace(b.HeldBy+" "+b.Emergency))
		}
	})
}

// unblockResult says what may be pulled again.
type unblockResult struct {
	Unblocked string `json:"unblocked"`
}

func (r unblockResult) text(w io.Writer) error {
	return writeLine(w, "%s can be pulled again", r.Unblocked)
}

// blockable splits "acme/hello@0.2.0", "acme/hello@sha256:…", "acme/hello" and
// "sha256:…". What else has a colon is an OCI reference, which names a registry
// that may not be the one that is asked.
func blockable(s string) (repository, reference string, err error) {
	if strings.HasPrefix(s, "sha256:") {
		return "", s, nil
	}
	repository, reference, _ = strings.Cut(s, "@")
	first, _, _ := strings.Cut(repository, "/")
	if t, ok := spell(s); ok && (strings.ContainsAny(first, ".:") || first == "localhost" || strings.Contains(repository, ":")) {
		say := t.asPlugin()
		if strings.HasPrefix(t.text, "sha256:") {
			say = t.id.String() + "@" + t.text
		}
		return "", "", usagef("%q: this is the reference of a registry, and a block is of the server of --server: say %s", s, say)
	}
	if strings.Contains(repository, ":") {
		return "", "", usagef("%q: expected acme/hello@0.2.0, acme/hello, acme/hello@sha256:… or sha256:…, on the server of --server", s)
	}
	return repository, reference, nil
}

func newBlock(c *console) *cobra.Command {
	var reason, code string
	cmd := verb("block PLUGIN@V|REPOSITORY|DIGEST", "Keep something from being pulled at this site, for a day at the most",
		"Of a version, a plugin, a repository or a digest (in every repository) nothing is served through /v2/ any more, at\n"+
			"every replica within a second. Its record, its tags and its signatures stay readable, and so does what other\n"+
			"versions hold too. Of a plugin it is the proposal of an emergency: another person confirms it, and else it ends by itself\n"+
			"after a day, as blocks of anything else do. A digest that is not here can be blocked in advance, and it is said that it\n"+
			"is not here. It takes an admin. Mirrors and hosts are told nothing before it is confirmed.",
		`oarlock block acme/hello@0.2.0 --reason "steals keys"`, "oarlock block list", "oarlock block lift acme/hello@0.2.0")
	cmd.Args = args(1, 1, "a version such as acme/hello@0.2.0, a repository or a digest")
	cmd.Flags().StringVar(&reason, "reason", "", "what is told to whoever wants to pull it; a code such as malware is the proposal's")
	cmd.Flags().StringVar(&code, "code", "", `code for programs ("blocked" if none)`)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if strings.TrimSpace(reason) == "" {
			return usagef(`block: --reason is missing: whoever wants to pull it is told why`)
		}
		body := map[string]string{"reason": reason}
		var err error
		if body["repository"], body["reference"], err = blockable(args[0]); err != nil {
			return err
		}
		if code != "" {
			body["code"] = code
		}
		r, err := call[blockResult](cmd.Context(), c, http.MethodPost, "/admin/blocks", body)
		if err != nil {
			return fmt.Errorf("block: %w", err)
		}
		if r.Digest != "" && r.Covers == 0 {
			c.note("no manifest with content is here under this digest: the block holds for a blob, and in advance for what may come; if the digest is a typo: oarlock block lift %s", args[0])
		}
		return c.print(r)
	}
	cmd.AddCommand(newBlockList(c), newBlockLift(c))
	return c.checked(cmd, func(args []string) string {
		if strings.TrimSpace(reason) == "" {
			return ""
		}
		return "from now on nobody can pull " + args[0]
	})
}

func newBlockList(c *console) *cobra.Command {
	cmd := verb("list", "List what may not be pulled",
		"By repository and digest, with who blocked it, why, until when, and what holds it: an emergency, a proposal, or a block\n"+
			"by hand. One that is undecided is from before blocks ended by themselves: it stays until somebody lifts it, or an\n"+
			"emergency takes its place.", "oarlock block list --output json")
	cmd.Args = args(0, 0, "none")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r, err := call[blockList](cmd.Context(), c, http.MethodGet, "/admin/blocks", nil)
		if err != nil {
			return fmt.Errorf("block list: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

func newBlockLift(c *console) *cobra.Command {
	cmd := verb("lift PLUGIN@V|REPOSITORY|DIGEST", "Let something be pulled again",
		"Ends one block. A proposal is taken back by whom it is of, where nobody else spoke for it, and else by two people.", "oarlock block lift acme/hello@0.2.0")
	cmd.Args = args(1, 1, "what was blocked")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q := url.Values{}
		repository, reference, err := blockable(args[0])
		if err != nil {
			return err
		}
		q.Set("repository", repository)
		q.Set("reference", reference)
		if _, err := call[struct{}](cmd.Context(), c, http.MethodDelete, "/admin/blocks?"+q.Encode(), nil); err != nil {
			return fmt.Errorf("block lift: %w", err)
		}
		return c.print(unblockResult{args[0]})
	}
	return cmd
}
