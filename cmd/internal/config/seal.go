package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/artifact/outbound"
	"github.com/oarlock/oarlock/index/seal"
)

// SealKeyFile is the name, in the data directory, of the key that seals the
// configurations of tenants where the configuration names no other.
const SealKeyFile = "seal.key"

// Seal says with which key the configurations of tenants are sealed.
type Seal struct {
	// KeyFile holds 32 bytes in base64; empty is seal.key in the data directory,
	// which is made when something is sealed first, unless Vault is set.
	KeyFile string `koanf:"key_file" json:"key_file"`
	// OldKeyFiles open what they sealed, until that is sealed anew.
	OldKeyFiles []string  `koanf:"old_key_files" json:"old_key_files"`
	Vault       SealVault `koanf:"vault" json:"vault"`
}

// SealVault is a key of the transit engine of Vault. It seals where there is no
// key_file, and opens what it sealed in any case.
type SealVault struct {
	Address string `koanf:"address" json:"address"`
	// Mount is where the engine is; empty is transit.
	Mount     string `koanf:"mount" json:"mount"`
	Key       string `koanf:"key" json:"key"`
	TokenFile string `koanf:"token_file" json:"token_file"` // read before each call
	Namespace string `koanf:"namespace" json:"namespace"`
}

// sealCallTimeout bounds one call of Vault.
const sealCallTimeout = 10 * time.Second

// sealKeyAt reads the key in a file.
func sealKeyAt(path string) (seal.FileKey, error) {
	raw, err := bounded.ReadFile(path, bounded.Key)
	if err != nil {
		return seal.FileKey{}, err
	}
	key, err := seal.ParseFileKey(raw)
	if err != nil {
		return seal.FileKey{}, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// SealKeyPaths are the files that may hold keys that seal.
func (c *Config) SealKeyPaths() []string {
	out := []string{filepath.Join(c.Data, SealKeyFile)}
	if c.Seal.KeyFile != "" {
		out = append(out, c.Seal.KeyFile)
	}
	return append(out, c.Seal.OldKeyFiles...)
}

// SealKeys are the files that hold them, by the ids of the keys. What cannot be read
// is left out.
func (c *Config) SealKeys() map[string]string {
	out := map[string]string{}
	for _, path := range c.SealKeyPaths() {
		if key, err := sealKeyAt(path); err == nil {
			out[key.ID()] = path
		}
	}
	return out
}

// SealRing makes the ring of c. used are the ids of the keys that opening what is
// stored takes: where there are any, no first key is made, since it would open
// nothing of that.
func (c *Config) SealRing(used []string) (*seal.Ring, error) {
	old, err := c.oldSealKeys()
	if err != nil {
		return nil, err
	}
	vault, err := c.sealVault()
	if err != nil {
		return nil, err
	}
	if c.Seal.KeyFile != "" {
		key, err := sealKeyAt(c.Seal.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("seal.key_file: %w", err)
		}
		if vault != nil {
			old = append(old, *vault)
		}
		return seal.NewRing(key, "", old...), nil
	}
	own := filepath.Join(c.Data, SealKeyFile)
	key, err := sealKeyAt(own)
	switch {
	case err == nil && vault != nil:
		return seal.NewRing(*vault, "", append(old, key)...), nil
	case err == nil:
		return seal.NewRing(key, "", old...), nil
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR): // data that is no directory is said as that
		return nil, fmt.Errorf("seal key: %w", err)
	case vault != nil:
		return seal.NewRing(*vault, "", old...), nil
	case c.Shared():
		return seal.NewRing(nil, "replicas need the same one: set seal.key_file or seal.vault", old...), nil
	case len(used) > 0:
		return seal.NewRing(nil, fmt.Sprintf("%s, which sealed what is stored; put its file back at %s, or name it by seal.key_file",
			strings.Join(used, ", "), own), old...), nil
	}
	return seal.NewFirstRing(func() (seal.Key, error) { return firstSealKey(own) }, old...), nil
}

// firstSealKey makes the key at path, or takes the one that is there by now.
func firstSealKey(path string) (seal.Key, error) {
	err := durable.Create(path, seal.NewFileKey(), 0o600)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	return sealKeyAt(path)
}

func (c *Config) oldSealKeys() (out []seal.Key, err error) {
	for n, path := range c.Seal.OldKeyFiles {
		key, err := sealKeyAt(path)
		if err != nil {
			return nil, fmt.Errorf("seal.old_key_files[%d]: %w", n, err)
		}
		out = append(out, key)
	}
	return out, nil
}

// sealVault is nil where there is none. Its own host may be anywhere, since the
// operator wrote it.
func (c *Config) sealVault() (*seal.Vault, error) {
	v := c.Seal.Vault
	if v == (SealVault{}) {
		return nil, nil
	}
	u, err := url.Parse(v.Address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("seal.vault.address: %q: expected a URL such as https://vault.example.org:8200", v.Address)
	}
	if v.Key == "" || strings.ContainsAny(v.Key, "/:") {
		return nil, fmt.Errorf("seal.vault.key: %q: expected the name of a key of the transit engine", v.Key)
	}
	if v.TokenFile == "" {
		return nil, errors.New("seal.vault.token_file: empty, expected the file with a token of Vault")
	}
	reach, err := c.Outbound.Options()
	if err != nil {
		return nil, nil // said under its own key
	}
	reach.Hosts, reach.Timeout = append(slices.Clone(reach.Hosts), u.Hostname()), sealCallTimeout
	mount := strings.Trim(v.Mount, "/")
	if mount == "" {
		mount = "transit"
	}
	return &seal.Vault{Address: v.Address, Mount: mount, Name: v.Key, Namespace: v.Namespace, Client: outbound.New(reach), Token: func() (string, error) {
		raw, err := bounded.ReadFile(v.TokenFile, bounded.Key)
		return strings.TrimSpace(string(raw)), err
	}}, nil
}

func (c *Config) validateSeal(problem problemFunc) {
	if _, err := c.SealRing(nil); err != nil {
		key, what, _ := strings.Cut(err.Error(), ": ")
		problem(key, "%s", what)
	}
}
