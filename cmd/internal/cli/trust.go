package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/attest"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
)

// policyEnv names the trust policy of this machine, so that no call forgets it.
const policyEnv = "OARLOCK_POLICY"

// insecureFlag goes without judging who signed.
const insecureFlag = "insecure-skip-signatures"

// trustFlags say whose signatures count.
type trustFlags struct {
	key, policy string
	insecure    bool
	flags       *pflag.FlagSet
}

func (t *trustFlags) add(f *pflag.FlagSet) {
	t.flags = f
	f.StringVar(&t.key, "key", "", "public key `FILE` of the only trusted signer")
	f.StringVar(&t.policy, "policy", defaultPolicy(), "trust policy `FILE`, also from "+policyEnv+", else oarlock/policy.yaml in the folder of configurations")
}

// addPull is add for verbs that unpack what they verified.
func (t *trustFlags) addPull(f *pflag.FlagSet) {
	t.add(f)
	f.BoolVar(&t.insecure, insecureFlag, false, "do not ask who signed: whoever can write to the registry then runs code here")
}

// defaultPolicy is the policy that somebody set up once. One that is there and
// cannot be read is an error later, not as if it were not there.
func defaultPolicy() string {
	if path := os.Getenv(policyEnv); path != "" {
		return path
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	path := filepath.Join(dir, "oarlock", "policy.yaml")
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return path
}

// given reports whether there is anything to verify against.
func (t *trustFlags) given() bool { return t.key != "" || t.policy != "" }

// check refuses to unpack what nobody judged, unless that was asked for.
func (t *trustFlags) check() error {
	switch {
	case t.insecure && (t.flags.Changed("key") || t.flags.Changed("policy")):
		return usagef("--%s goes with neither --key nor --policy", insecureFlag)
	case !t.insecure && !t.given():
		return usagef("whom do you trust to have signed it? give --key FILE or --policy FILE; set %s, or keep a policy at oarlock/policy.yaml in the folder of configurations, to say it once; --%s does not ask", policyEnv, insecureFlag)
	}
	return nil
}

// read gives the policy; a key comes before a policy from the environment.
func (t *trustFlags) read(ctx context.Context) (*trust.Policy, error) {
	if t.key == "" {
		p, err := trust.LoadArgument(ctx, t.policy)
		return p, argument(err)
	}
	raw, err := bounded.ReadArgument(ctx, t.key, bounded.Key)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	key, err := trust.ParseKey(raw)
	if err != nil {
		return nil, argument(fmt.Errorf("key %s: %w", t.key, err))
	}
	signer, err := trust.NewSigner(filepath.Base(t.key), key) // the same from wherever it is read
	if err != nil {
		return nil, argument(err)
	}
	return trust.Only(signer), nil
}

// verifier judges as the server does, over what the client reads.
type verifier struct {
	judge    *signature.Judge
	attested *attest.Judge
	ledgers  *ledgerSigners
}

func (t *trustFlags) verifier(ctx context.Context, c *console) (client.Verifier, error) {
	who, err := t.read(ctx)
	if err != nil {
		return nil, err
	}
	judge, err := signature.New(signature.Options{Trust: who, CacheSize: 16})
	if err != nil {
		return nil, argument(err)
	}
	attested, err := attest.New(judge, 16)
	if err != nil {
		return nil, err
	}
	return verifier{judge, attested, c.ledgerSigners(who)}, nil
}

// Verify lets pass what the trust policy lets pass and is signed, and has the
// attestations that the policy requires.
func (v verifier) Verify(ctx context.Context, s client.Subject) (index.Signature, error) {
	repository, _, _ := strings.Cut(s.Reference, "@")
	subject := policy.Subject{Publisher: s.ID.Publisher(), Digest: s.Descriptor.Digest, LedgerKeys: v.ledgers.of(ctx, repository, s.ID.Publisher())}
	got, err := v.judge.Judge(ctx, subject, s.Evidence)
	if err != nil {
		return index.Signature{}, err
	}
	out := index.Signature{Status: index.SignatureStatus(got.Status), Signer: got.Signer, Format: got.Format}
	switch got.Vote.Outcome {
	case policy.Allow:
		return out, v.requireAttested(ctx, subject, s.Evidence)
	case policy.Deny:
		return out, fmt.Errorf("%s: %w", evidenceText(got), artifact.ErrUnverified)
	}
	return out, fmt.Errorf("could not tell: %s", evidenceText(got))
}

// requireAttested reads nothing where the policy requires nothing.
func (v verifier) requireAttested(ctx context.Context, s policy.Subject, r policy.Reader) error {
	ns := v.judge.Trust().For(s.Publisher)
	if ns == nil || !slices.ContainsFunc(ns.Attestations, func(a trust.Attestation) bool { return a.Required }) {
		return nil
	}
	judged, err := v.attested.Judge(ctx, s, r)
	if err != nil {
		return err
	}
	return unattested(judged)
}

// evidenceText is the vote with what was found out about each piece.
func evidenceText(s policy.Signature) string {
	lines := []string{s.Vote.Detail}
	for _, f := range s.Evidence {
		if f.Outcome != policy.Allow {
			lines = append(lines, f.About())
		}
	}
	return strings.Join(lines, "\n  ")
}

// puller pulls and verifies. It refuses to pull without a key or policy; where
// that was asked for by name it checks digests only, and says so.
func (c *console) puller(ctx context.Context, t *trustFlags, platform, registry string) (*client.Puller, error) {
	o := client.PullOptions{PlainHTTP: c.plainHTTP, LoopbackTLS: c.loopbackTLS(ctx, registry), UserAgent: c.userAgent(), Credential: c.logins(registry)}
	if platform != "" {
		p, err := artifact.ParseKnownPlatform(platform)
		if err != nil {
			return nil, argument(err)
		}
		o.Platform = p
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	if t.insecure {
		fmt.Fprintf(c.Err, "warning: --%s: digests are verified, signatures are not\n", insecureFlag) // --quiet too
		o.AllowUnsignedUnsafe = true
		return client.NewPuller(o)
	}
	var err error
	if o.Verifier, err = t.verifier(ctx, c); err != nil {
		return nil, err
	}
	return client.NewPuller(o)
}
