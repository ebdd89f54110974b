package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/index/publog"
)

// proofResult is what a proof proves.
type proofResult struct {
	publog.Event
	Origin string `json:"origin"`
	Index  int64  `json:"index"`
	Size   int64  `json:"size"`
	// Cosigned are the cosignatures of the witnesses that were named.
	Cosigned []publog.Cosignature `json:"cosigned,omitempty"`
}

func (r proofResult) text(w io.Writer) error {
	err := writeLine(w, "%s@%s was published at %s as %s: leaf %d of %d in %s",
		r.Plugin, r.Version, r.At.Format("2006-01-02T15:04:05Z"), r.Digest, r.Index, r.Size, r.Origin)
	for _, one := range r.Cosigned {
		if err == nil {
			err = writeLine(w, "%s cosigned it at %s", one.Witness, one.At.Format("2006-01-02T15:04:05Z"))
		}
	}
	return err
}

// proveFlags say which proof is verified, and what it has to be.
type proveFlags struct {
	key, file, out, registry string
	witnesses                []string
	quorum                   int
}

func newLogProve(c *console) *cobra.Command {
	var how proveFlags
	cmd := verb("prove PLUGIN@VERSION", "Prove that a version is in the publication log",
		"Gets the proof (C2SP tlog-proof) and verifies it here, against the log's key. --out-file keeps it; with --proof\n"+
			"it is read from a file and no server is asked, and with --registry from what refers to the version in any OCI\n"+
			"registry, such as a mirror. Exit code 12 says that it proves nothing.",
		"oarlock log prove acme/hello@0.2.0", "oarlock log prove acme/hello@0.2.0 --out-file hello.tlog-proof",
		"oarlock log prove acme/hello@0.2.0 --proof hello.tlog-proof --key plugins.example.org/log/k3v9q2m7xw+1f2e3d4c+AX…",
		"oarlock log prove acme/hello@0.2.0 --registry mirror.example.org")
	cmd.Args = args(1, 1, "one version such as acme/hello@0.2.0")
	cmd.ValidArgsFunction = c.completePlugins
	f := cmd.Flags()
	f.StringVar(&how.key, "key", "", "the log's `KEY`; else the one that is remembered, or the server's")
	f.StringVar(&how.file, "proof", "", "verify the proof in this `FILE`, offline")
	f.StringVar(&how.out, "out-file", "", "keep the proof in this `FILE`")
	f.StringVar(&how.registry, "registry", "", "verify the proof that refers to the version in this `HOST` or HOST/FOLDER, and ask no server")
	f.StringArrayVar(&how.witnesses, "witness", nil, "`KEY` of a witness that has to have cosigned the proof's checkpoint; may be repeated")
	f.IntVar(&how.quorum, "quorum", 0, "how many of the witnesses have to have, `N`; all of them if it is not given")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := parsePlugin(args[0])
		if err != nil {
			return err
		}
		if p.text == "" {
			return usagef("log prove: %s: which version? expected %s@1.2.0", p.id, p.id)
		}
		v, err := p.version()
		if err != nil {
			return err
		}
		if how.file != "" && how.registry != "" {
			return usagef("log prove: --proof and --registry: from where? give one of them")
		}
		text, r, err := c.prove(cmd.Context(), how, p.id, v)
		if err == nil && how.out != "" {
			err = writeOut(how.out, func(w io.Writer) error { return writeAll(w, []byte(text)) })
		}
		if err != nil {
			return fmt.Errorf("log prove: %w", err)
		}
		return c.print(r)
	}
	return cmd
}

// prove gets a proof and verifies it.
func (c *console) prove(ctx context.Context, how proveFlags, id artifact.Name, v artifact.Version) (text string, r proofResult, err error) {
	q, err := publog.NewQuorum(how.witnesses, how.quorum)
	if err != nil {
		return "", r, argument(err)
	}
	holds := func(text string, is digest.Digest) (err error) {
		if r, err = c.proved(ctx, text, id, v, how, q); err == nil && is != "" && is != r.Digest {
			err = fmt.Errorf("it proves %s, and the version is %s there: %w", r.Digest, is, artifact.ErrUnverified)
		}
		return err
	}
	if how.registry != "" {
		text, err = c.carriedProof(ctx, how.registry, id, v, how.key, holds)
		return text, r, err
	}
	if text, err = c.proofText(ctx, id, v, how.file); err != nil {
		return "", r, err
	}
	return text, r, holds(text, "")
}

func (c *console) proofText(ctx context.Context, id artifact.Name, v artifact.Version, file string) (string, error) {
	if file != "" {
		raw, err := bounded.ReadArgument(ctx, file, bounded.Document)
		return string(raw), err
	}
	raw, err := c.text(ctx, "/api/v1/plugins/"+id.String()+"/versions/"+url.PathEscape(v.String())+"/proof")
	return string(raw), logProblem(err)
}

// proved verifies a proof of a version.
func (c *console) proved(ctx context.Context, text string, id artifact.Name, v artifact.Version, how proveFlags, q publog.Quorum) (proofResult, error) {
	p, err := publog.ParseProof(text)
	if err != nil {
		return proofResult{}, kinded{err, artifact.ErrUnverified}
	}
	by, err := c.proofKey(ctx, how, p)
	if err != nil {
		return proofResult{}, err
	}
	e, at, err := p.Verify(by)
	if err != nil {
		return proofResult{}, err
	}
	if e.Kind != publog.Published || e.Plugin != id.String() || e.Version != v.String() {
		return proofResult{}, fmt.Errorf("it proves %s %s@%s, and %s@%s was asked for: %w", e.Kind, e.Plugin, e.Version, id, v, artifact.ErrUnverified)
	}
	cosigned, err := q.Check(p.Checkpoint, by)
	return proofResult{Event: e, Origin: at.Origin, Index: p.Index, Size: at.N, Cosigned: cosigned}, err
}

// proofKey is the key that a proof is held to: the one that is given, or that this
// machine remembers, or, where a server gave the proof, the server's.
func (c *console) proofKey(ctx context.Context, how proveFlags, p publog.Proof) (note.Verifier, error) {
	origin, _, _ := strings.Cut(p.Checkpoint, "\n")
	if how.key != "" || how.file != "" || how.registry != "" {
		by, _, _, err := c.keyOf(how.key, origin)
		if err == nil || how.key != "" || how.registry != "" {
			return by, err
		}
		if of, _, asked := c.logKey(ctx, "", ""); asked == nil && of.Name() == origin {
			return of, nil
		}
		return nil, err
	}
	seen, err := newLogMemory().of(c.serverAt(ctx))
	if err != nil {
		return nil, err
	}
	by, _, err := c.logKey(ctx, "", seen.Key)
	return by, err
}
