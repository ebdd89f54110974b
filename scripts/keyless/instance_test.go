//go:build keyless

package keyless

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An instance is a private sigstore: two OpenID providers that one certificate
// authority believes, a timestamp authority, and two logs of which the trusted
// root names one.
type instance struct {
	client             *client
	issuer, other      authority
	certifier, stamper authority
	log, strange       authority
	root               string // file
}

func newInstance(t *testing.T) *instance {
	t.Helper()
	i := &instance{client: newClient(t), issuer: newIssuer(t), other: newIssuer(t), stamper: newStamper(t), log: newLog(t), strange: newLog(t)}
	i.certifier = newCertifier(t, i.issuer.url, i.other.url)
	i.root = i.rootOf(t, "root.json", i.log)
	i.client.run("cosign2", "generate-key-pair")
	return i
}

// since is when the authorities came into being, with room for the second
// to which some times are cut.
func since() string { return time.Now().Add(-time.Hour).UTC().Format(time.RFC3339) }

// rootOf makes the trusted root of an instance with the log given.
func (i *instance) rootOf(t *testing.T, name string, log authority) string {
	t.Helper()
	i.client.run("cosign3", "trusted-root", "create", "--out", name,
		"--fulcio", "url="+i.certifier.url+",certificate-chain="+i.certifier.pem+",start-time="+since(),
		"--tsa", "url="+i.stamper.url+",certificate-chain="+i.stamper.pem+",start-time="+since(),
		"--rekor", "url="+log.url+",public-key="+log.pem+",start-time="+since()+",origin=127.0.0.1")
	return filepath.Join(i.client.dir, name)
}

// config makes the signing configuration that cosign follows; without a log,
// nothing is logged.
func (i *instance) config(t *testing.T, name string, log *authority) string {
	t.Helper()
	service := func(url, version string) string {
		return "url=" + url + ",api-version=" + version + ",start-time=" + since() + ",operator=acme"
	}
	args := []string{"signing-config", "create", "--out", name, "--fulcio", service(i.certifier.url, "1"),
		"--tsa", service(i.stamper.url, "1"), "--tsa-config", "ANY", "--oidc-provider", service(i.issuer.url, "1")}
	if log != nil {
		args = append(args, "--rekor", service(log.url, "2"), "--rekor-config", "ANY")
	}
	i.client.run("cosign3", args...)
	return filepath.Join(i.client.dir, name)
}

// end stops every authority.
func (i *instance) end() {
	for _, a := range []authority{i.issuer, i.other, i.certifier, i.stamper, i.log, i.strange} {
		a.process.stop()
	}
}

// policy is a trust policy for four namespaces: acme asks for an identity and
// its log entry, examples for a signed timestamp only; kept and revoked have a
// key that is revoked in an hour, or was an hour ago.
func (i *instance) policy() string {
	identity := "identity: {issuer: '" + i.issuer.url + "', subject: 'ada@example.org'}, certificate_log: optional"
	key := func(from time.Duration) string {
		return "key: {file: '" + filepath.Join(i.client.dir, "cosign.pub") + "'}, revoked: {from: '" + time.Now().Add(from).UTC().Format(time.RFC3339) + "', before: keep}"
	}
	return strings.Join([]string{
		"trusted_roots: [{file: '" + i.root + "'}]", "namespaces:",
		"  acme: {signers: [{name: ada, " + identity + "}]}",
		"  examples: {signers: [{name: ada, " + identity + ", transparency_log: optional}]}",
		"  kept: {signers: [{name: ada, " + key(time.Hour) + "}]}",
		"  revoked: {signers: [{name: ada, " + key(-time.Hour) + "}]}", "",
	}, "\n")
}
