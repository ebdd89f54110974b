package sitebackup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/oarlock/oarlock/registry/backup"
)

const (
	// restoredTrust is where a backup's trust policy is written.
	restoredTrust = "trust.yaml"
	// restoredKeys is the folder of the files that it names.
	restoredKeys = "trust-files"
)

// savePolicy keeps the trust policy and every file that it names: without its
// keys a policy is not read, and the site does not start.
func savePolicy(ctx context.Context, w *backup.Writer, path string, c *backup.Catalog) error {
	content, err := bounded.ReadFile(path, trust.MaxPolicy)
	if err != nil {
		return fmt.Errorf("trust policy: %w", err)
	}
	files := map[string][]byte{}
	if _, err := trust.Parse(content, func(name string) ([]byte, error) {
		at := name
		if !filepath.IsAbs(at) {
			at = filepath.Join(filepath.Dir(path), at)
		}
		raw, err := bounded.ReadFile(at, trust.MaxPolicy)
		if err == nil {
			files[name] = raw
		}
		return raw, err
	}); err != nil {
		return fmt.Errorf("trust policy %q: %w", path, err)
	}
	o, err := w.Content(ctx, content)
	if err != nil {
		return err
	}
	c.Policy = &o
	for name, raw := range files {
		o, err := w.Content(ctx, raw)
		if err != nil {
			return err
		}
		if c.PolicyFiles == nil {
			c.PolicyFiles = map[string]backup.Object{}
		}
		c.PolicyFiles[name] = o
	}
	return nil
}

// restorePolicy writes the policy and its files into the data directory. The
// files get names of their own there, whatever they were called: the policy
// may have named them from outside.
func restorePolicy(v *backup.Vault, c *backup.Catalog, data string) (path string, err error) {
	content, err := v.Content(*c.Policy)
	if err != nil {
		return "", fmt.Errorf("trust policy: %w", err)
	}
	names := map[string]string{}
	for name, o := range c.PolicyFiles {
		raw, err := v.Content(o)
		if err != nil {
			return "", fmt.Errorf("trust policy: file %q: %w", name, err)
		}
		if err := os.MkdirAll(filepath.Join(data, restoredKeys), 0o700); err != nil {
			return "", err
		}
		names[name] = restoredKeys + "/" + restoredName(name)
		if err := durable.Replace(filepath.Join(data, filepath.FromSlash(names[name])), raw, 0o600); err != nil {
			return "", fmt.Errorf("trust policy: file %q: %w", name, err)
		}
	}
	if content, err = renamed(content, names); err != nil {
		return "", fmt.Errorf("trust policy: %w", err)
	}
	path = filepath.Join(data, restoredTrust)
	return path, durable.Replace(path, content, 0o600)
}

// restoredName is a name that is safe and says which file it was.
func restoredName(name string) string {
	sum := sha256.Sum256([]byte(name))
	base := []byte(filepath.Base(filepath.ToSlash(name)))
	for i, b := range base {
		if (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && (b < '0' || b > '9') && b != '.' && b != '-' {
			base[i] = '_'
		}
	}
	return hex.EncodeToString(sum[:6]) + "-" + string(base[:min(len(base), 80)])
}

// renamed is the policy with other values of `file:`; a policy that names none
// stays byte for byte.
func renamed(content []byte, names map[string]string) ([]byte, error) {
	if len(names) == 0 {
		return content, nil
	}
	var root yaml.Node
	if err := yaml.Unmarshal(content, &root); err != nil {
		return nil, err
	}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(n.Content); i += 2 {
				if to, ok := names[n.Content[i+1].Value]; ok && n.Content[i].Value == "file" {
					n.Content[i+1].SetString(to)
				}
			}
		}
		for _, child := range n.Content {
			walk(child)
		}
	}
	walk(&root)
	return yaml.Marshal(&root)
}
