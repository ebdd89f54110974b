package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	orasregistry "oras.land/oras-go/v2/registry"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/quirk"
	"github.com/oarlock/oarlock/registry/remote"
)

// pushResult says what the registry holds now.
type pushResult struct {
	Reference string      `json:"reference"` // by digest
	Tag       string      `json:"tag,omitempty"`
	Digest    string      `json:"digest"`
	Sent      int64       `json:"sent"` // bytes; 0 when all was there already
	Signature *signResult `json:"signature,omitempty"`
	listing
}

func (r pushResult) text(w io.Writer) error {
	if err := writeLine(w, "%s", r.Reference); err != nil {
		return err
	}
	if r.Signature != nil {
		if err := r.Signature.text(w); err != nil {
			return err
		}
	}
	return r.listing.text(w)
}

func newPush(c *console) *cobra.Command {
	var key keyFlag
	var sign, status bool
	cmd := verb("push DIR|LAYOUT REF", "Push a plugin to a registry",
		"Packs the directory, or takes what was packed, sends what is missing and sets the tag last.\n"+
			"Pushing the same again changes nothing. A version tag is immutable: other content under it is\n"+
			"refused with both digests. A push that was cut is finished by the same push; with --status nothing is sent,\n"+
			"and it says which parts are there and which are missing, with the directory part by part, without it as far\n"+
			"as the registry knows.",
		"oarlock push ./hello 127.0.0.1:7117/acme/hello:0.2.0", "oarlock push hello.tar registry.example.org/acme/hello:0.2.0 --sign --key acme.key",
		"oarlock push --status ./hello 127.0.0.1:7117/acme/hello:0.2.0", "oarlock push --status 127.0.0.1:7117/acme/hello:0.2.0")
	cmd.Args = args(1, 2, "a plugin directory or layout, and a reference such as 127.0.0.1:7117/acme/hello:0.2.0")
	key.add(cmd.Flags())
	cmd.Flags().BoolVar(&status, "status", false, "say how far the publication is; send nothing")
	cmd.Flags().BoolVar(&sign, "sign", false, "sign what was pushed, with --key")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if sign != (key.path != "") {
			return usagef("--sign and --key go together")
		}
		if len(args) == 1 && !status {
			return usagef("push: one argument came, expected a plugin directory or layout, and a reference such as 127.0.0.1:7117/acme/hello:0.2.0")
		}
		if err := c.reference(args[len(args)-1]); err != nil {
			return err
		}
		ref, err := orasregistry.ParseReference(quirk.Reference(args[len(args)-1]))
		if err != nil {
			return argument(err)
		}
		if status {
			return c.pushStatus(cmd.Context(), args[:len(args)-1], ref)
		}
		return c.push(cmd.Context(), args[0], ref, key)
	}
	return cmd
}

// push pushes the plugin in dir, signs it where key names one, and prints what
// the registry holds then.
func (c *console) push(ctx context.Context, dir string, ref orasregistry.Reference, key keyFlag) error {
	p, err := openPlugin(ctx, dir, "")
	if err != nil {
		return err
	}
	if ref.Reference == "" {
		ref.Reference = p.Plugin.Version.Tag()
	}
	bar := c.newProgress()
	err = remote.Push(ctx, p.Store, p.Root, ref.String(), c.remote(ctx, ref.Registry, bar.push))
	bar.done(err)
	if err != nil {
		return pushError(ref, p.Plugin, err)
	}
	r := pushResult{Reference: fmt.Sprintf("%s/%s@%s", ref.Registry, ref.Repository, p.Root.Digest), Digest: p.Root.Digest.String(), Sent: bar.sent()}
	if !strings.Contains(ref.Reference, ":") {
		r.Tag = ref.Reference
	}
	c.pushed(ctx, "push", r.Reference, r.Tag)
	sign := key.path != ""
	if sign {
		r.Signature, err = c.sign(ctx, r.Reference, key)
	}
	r.listing = c.listed(ctx, r, ref, sign && err == nil)
	if failed := c.print(r); failed != nil {
		return failed
	}
	if err != nil {
		return unsignedPush(r, err)
	}
	return nil
}

// unsignedPush says of what was pushed and could not be signed what there is now, and how
// to go on.
func unsignedPush(r pushResult, err error) error {
	fix := "sign it as soon as that is settled: oarlock sign " + r.Reference + " --key KEY"
	if r.isStopped() {
		fix = "sign it when the emergency is over: oarlock sign " + r.Reference + " --key KEY"
	}
	return advised(fmt.Errorf("push: the version is stored, and it is not signed: %w", err), fix)
}

// pushStatus prints how far a publication is: part by part with the directory,
// without one as far as the registry knows.
func (c *console) pushStatus(ctx context.Context, dir []string, ref orasregistry.Reference) (err error) {
	var r publicationResult
	if len(dir) == 1 {
		r, err = c.statusOf(ctx, dir[0], ref)
	} else {
		r, err = c.statusAt(ctx, ref)
	}
	if err != nil {
		return err
	}
	return c.print(r)
}

// pushError adds what the registry cannot know: what is in the directory.
func pushError(ref orasregistry.Reference, p *artifact.Plugin, err error) error {
	if why := tagDiffers(ref, p); why != "" {
		return fmt.Errorf("push: %s: %w", why, err)
	}
	return fmt.Errorf("push: %w", err)
}

// tagDiffers says that a version tag is another version's than the plugin's; ""
// where it is not.
func tagDiffers(ref orasregistry.Reference, p *artifact.Plugin) string {
	tag, err := artifact.ParseTag(ref.Reference)
	if err != nil || tag.Kind() != artifact.TagVersion || tag.Version().Compare(p.Version) == 0 {
		return ""
	}
	return fmt.Sprintf("the tag says %q and plugin.json says %q: make them equal", ref.Reference, p.Version)
}

// remote says how a registry is spoken to.
func (c *console) remote(ctx context.Context, host string, progress func(remote.Event)) remote.Options {
	return remote.Options{PlainHTTP: c.plainHTTP, LoopbackTLS: c.loopbackTLS(ctx, host), Credential: c.logins(host),
		UserAgent: c.userAgent(), Progress: progress}
}
