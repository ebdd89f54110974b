package signed

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
)

// KeyOptions say how keys are opened.
type KeyOptions struct {
	// RootLifetime is how long a root that is made here is good for; 0 is a year.
	RootLifetime time.Duration
	// RootKeys are files of root keys that are not in the directory.
	RootKeys []string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Keys are the roots of one catalog and the keys that sign it:
//
//	DIR/1.root.json, 2.root.json, …       public; the highest says which keys count
//	DIR/<role>.<start of key id>.pem      private, readable by their owner only
//
// The key of the root may be elsewhere: then all but Rotate works. Keys are safe
// for concurrent use.
type Keys struct {
	dir string
	o   KeyOptions

	mu     sync.RWMutex
	roots  [][]byte // by version - 1
	online int64    // number of the keys of the timestamp
	root   *metadata.Metadata[metadata.RootType]
	held   map[string]signature.Signer // by key id
}

// ErrRootOffline is what Rotate says where too few keys of the root are here.
// It wraps artifact.ErrDenied.
var ErrRootOffline = fmt.Errorf("the key of the root is not here: %w", artifact.ErrDenied)

// OpenKeys reads the keys in dir. Errors say which file is at fault, and wrap
// fs.ErrNotExist where no root is there at all.
func OpenKeys(dir string, o KeyOptions) (*Keys, error) {
	if o.RootLifetime <= 0 {
		o.RootLifetime = 365 * 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	k := &Keys{dir: dir, o: o}
	return k, k.Reload()
}

// MakeKeys is OpenKeys, and makes keys and the first root where there is no root.
// Whoever pinned one that was lost refuses what they sign, so it is for where
// nothing was published.
func MakeKeys(dir string, o KeyOptions) (*Keys, error) {
	k, err := OpenKeys(dir, o)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("catalog keys: %w", err)
	}
	if err := k.begin(); err != nil {
		return nil, fmt.Errorf("catalog keys: %w", err)
	}
	return k, k.Reload()
}

func (k *Keys) rootPath(version int64) string { return filepath.Join(k.dir, rootName(version)) }

// Reload reads the directory again, so that a root that was rotated elsewhere
// counts. On an error what was read before stays.
func (k *Keys) Reload() error {
	roots, parsed, err := k.readRoots()
	if err != nil {
		return fmt.Errorf("catalog keys: %w", err)
	}
	held, err := k.readKeys()
	if err != nil {
		return fmt.Errorf("catalog keys: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.roots, k.root, k.held, k.online = roots, parsed[len(parsed)-1], held, onlineNumber(parsed)
	return nil
}

// Online says which keys are missing to publish; those of the root are not.
func (k *Keys) Online() error {
	now := k.ring()
	for _, role := range onlineRoles {
		if r := now.root.Signed.Roles[role]; countHeld(now.held, r.KeyIDs) < r.Threshold {
			return fmt.Errorf("catalog keys: %s: %d of the keys of %s are here, root %d asks for %d: restore them from a backup, or rotate with --online-keys",
				k.dir, countHeld(now.held, r.KeyIDs), role, now.root.Signed.Version, r.Threshold)
		}
	}
	return nil
}

func (k *Keys) readRoots() (roots [][]byte, parsed []*metadata.Metadata[metadata.RootType], err error) {
	for n := int64(1); n <= maxRoots; n++ {
		raw, err := bounded.ReadFile(k.rootPath(n), bounded.Document)
		if errors.Is(err, fs.ErrNotExist) {
			if err := k.noneAbove(n); err != nil {
				return nil, nil, err
			}
			if n == 1 {
				return nil, nil, err
			}
			break
		}
		if err != nil {
			return nil, nil, err
		}
		next, err := parseRoot(raw)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", k.rootPath(n), err)
		}
		by := next
		if len(parsed) > 0 {
			by = parsed[len(parsed)-1]
		}
		if next.Signed.Version != n || by.VerifyDelegate(metadata.ROOT, next) != nil || next.VerifyDelegate(metadata.ROOT, next) != nil {
			return nil, nil, fmt.Errorf("%s: version %d, expected version %d, signed by the keys of the one before and its own", k.rootPath(n), next.Signed.Version, n)
		}
		roots, parsed = append(roots, raw), append(parsed, next)
	}
	return roots, parsed, nil
}

// noneAbove is an error where a root above version is there and that one is not:
// it was lost, and without it those above count for nothing.
func (k *Keys) noneAbove(version int64) error {
	if _, err := os.Lstat(k.rootPath(version)); err == nil {
		return fmt.Errorf("%s is a link to something that is not there: bring back what it names", k.rootPath(version))
	}
	files, err := filepath.Glob(filepath.Join(k.dir, "*"+rootSuffix))
	if err != nil {
		return err
	}
	for _, path := range files {
		if n, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(path), rootSuffix), 10, 64); err == nil && n > version {
			return fmt.Errorf("%s is not there, and %s is: restore it from a backup, or from the registry, whose %s:%s holds every root", k.rootPath(version), filepath.Base(path), Repository, Tag)
		}
	}
	return nil
}

// Has is an error where a published manifest has newer roots than these keys, and
// those that both have are the same: the newer ones were lost here. Of a manifest
// that other keys published, or nobody can read, it says nothing.
func (k *Keys) Has(manifest []byte) error {
	l, err := parseListing(manifest)
	have := k.ring().roots
	if err != nil || l.roots <= int64(len(have)) {
		return nil
	}
	for n, raw := range have {
		if l.files[rootName(int64(n+1))].Digest != digestOf(raw) {
			return nil
		}
	}
	return fmt.Errorf("catalog keys: %s ends with %s, and root %d is published: restore the newer ones from a backup with their keys, "+
		"or bring back the directory that has them", k.dir, rootName(int64(len(have))), l.roots)
}

func (k *Keys) readKeys() (map[string]signature.Signer, error) {
	files, err := filepath.Glob(filepath.Join(k.dir, "*.pem"))
	if err != nil {
		return nil, err
	}
	held := map[string]signature.Signer{}
	for _, path := range append(files, k.o.RootKeys...) {
		id, s, err := readKey(path)
		if err != nil {
			return nil, err
		}
		held[id] = s
	}
	return held, nil
}

func countHeld(held map[string]signature.Signer, ids []string) int {
	n := 0
	for _, id := range ids {
		if held[id] != nil {
			n++
		}
	}
	return n
}

// Root is the newest root, as a reader pins it.
func (k *Keys) Root() []byte {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return slices.Clone(k.roots[len(k.roots)-1])
}

// RootExpires is when readers refuse the catalog unless the root is renewed.
func (k *Keys) RootExpires() time.Time {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.root.Signed.Expires
}

// RootOnline reports whether Rotate can work: enough root keys are here.
func (k *Keys) RootOnline() bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	r := k.root.Signed.Roles[metadata.ROOT]
	return countHeld(k.held, r.KeyIDs) >= r.Threshold
}

// ring is what one publication signs with.
type ring struct {
	roots  [][]byte
	root   *metadata.Metadata[metadata.RootType]
	held   map[string]signature.Signer
	online int64
}

func (k *Keys) ring() ring {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return ring{k.roots, k.root, k.held, k.online}
}

// of are the signers of a role that are here.
func (r ring) of(role string) []signature.Signer {
	var out []signature.Signer
	for _, id := range r.root.Signed.Roles[role].KeyIDs {
		if s := r.held[id]; s != nil {
			out = append(out, s)
		}
	}
	return out
}

// keyOf is a signer as TUF writes it.
func keyOf(s signature.Signer) (*metadata.Key, string, error) {
	public, err := s.PublicKey()
	if err != nil {
		return nil, "", err
	}
	key, err := metadata.KeyFromPublicKey(public)
	if err != nil {
		return nil, "", err
	}
	id, err := key.ID()
	return key, id, err
}

// keyPath is where a key of a role is kept.
func keyPath(dir, role, id string) string {
	return filepath.Join(dir, role+"."+id[:16]+".pem")
}

// isKeyOf reports whether path holds a key of one of roles.
func isKeyOf(path string, roles []string) bool {
	role, _, _ := strings.Cut(filepath.Base(path), ".")
	return slices.Contains(roles, role)
}

func loadSigner(key crypto.PrivateKey) (signature.Signer, error) {
	return signature.LoadSigner(key, crypto.SHA256)
}
