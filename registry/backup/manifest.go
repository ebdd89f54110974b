package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/block"
)

// format is the version of what is written here.
const format = 1

// An Object is bytes in the vault.
type Object struct {
	Digest digest.Digest `json:"digest"`
	Size   int64         `json:"size"`
}

// A Manifest says all that one backup holds.
type Manifest struct {
	Format  int       `json:"format"`
	Created time.Time `json:"created_at"` // when it began
	Oarlock string    `json:"oarlock"`    // the version that wrote it

	Repositories []Repository `json:"repositories"`
	// Blocked is what may not be read.
	Blocked  []block.Block `json:"blocked,omitempty"`
	Database *Database     `json:"database,omitempty"`
	Files    []File        `json:"files"`
	Catalog  *Catalog      `json:"catalog,omitempty"`
	// Damage is what could not be copied because it was damaged already.
	Damage []Damage `json:"damage,omitempty"`
}

// A Repository is one repository of a backup. Its Listing says the rest.
type Repository struct {
	Name      string `json:"name"`
	Listing   Object `json:"listing"`
	Tags      int    `json:"tags"`
	Manifests int    `json:"manifests"`
	Blobs     int    `json:"blobs"`
	Bytes     int64  `json:"bytes"` // of what it links; shared bytes count in each
}

// A Database is the site's own state.
type Database struct {
	Schema int64   `json:"schema"`
	Tables []Table `json:"tables"`
}

// A Table is one table, its rows in parts: a JSON array per line.
type Table struct {
	Name    string   `json:"name"`
	Columns []Column `json:"columns"`
	Rows    int64    `json:"rows"`
	Parts   []Object `json:"parts"`
}

// A Column is one column of a Table.
type Column = struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// A File is one file of the data directory.
type File struct {
	Path string `json:"path"` // relative, with slashes
	Mode uint32 `json:"mode"`
	Object
}

// A Catalog is what the backup's own content gives, judged by a trust policy.
type Catalog struct {
	Digest digest.Digest `json:"digest"`
	Dev    bool          `json:"dev,omitempty"`
	// Policy is the trust policy that was in force; empty for none.
	Policy *Object `json:"policy,omitempty"`
	// PolicyFiles are the files that it names, by the names that it gives them.
	PolicyFiles map[string]Object `json:"policy_files,omitempty"`
}

// A Damage is something of which no good bytes were there.
type Damage struct {
	Repository string        `json:"repository,omitempty"`
	Digest     digest.Digest `json:"digest,omitempty"`
	Tag        string        `json:"tag,omitempty"`
	Path       string        `json:"path,omitempty"`
	What       string        `json:"what"`
}

func (d Damage) String() string {
	at := d.Repository
	if d.Tag != "" {
		at += ":" + d.Tag
	}
	if d.Digest != "" {
		at += "@" + d.Digest.String()
	}
	if at == "" {
		at = d.Path
	}
	return at + ": " + d.What
}

// A Listing is what one repository held.
type Listing struct {
	Repository string `json:"repository"`
	Marked     bool   `json:"marked"` // it held a manifest once
	Tags       []Tag  `json:"tags"`
	Manifests  []Link `json:"manifests"`
	Blobs      []Link `json:"blobs"`
	// Damage is what was wrong with it; a listing without was found whole.
	Damage []string `json:"damage,omitempty"`
}

// A Tag is a name and the manifest that it means.
type Tag struct {
	Name   string        `json:"name"`
	Digest digest.Digest `json:"digest"`
}

// A Link makes bytes belong to a repository. Missing says that no good bytes
// were there.
type Link struct {
	Digest  digest.Digest `json:"digest"`
	Target  digest.Digest `json:"target,omitempty"` // where the bytes are stored under another digest
	Size    int64         `json:"size"`
	Missing bool          `json:"missing,omitempty"`
}

// stored is the digest of the bytes.
func (l Link) stored() digest.Digest {
	if l.Target != "" {
		return l.Target
	}
	return l.Digest
}

// encode gives the bytes of m and the name that they have.
func (m *Manifest) encode() (id string, content []byte, err error) {
	content, err = json.Marshal(m)
	if err != nil {
		return "", nil, err
	}
	content = append(content, '\n')
	return m.Created.UTC().Format(timeForm) + "-" + sumOf(content), content, nil
}

const (
	timeForm  = "20060102T150405Z"
	sumLength = 16 // hex digits: against accidents, not against forgers
)

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])[:sumLength]
}

// decode reads what was written as id. Other bytes wrap artifact.ErrUnverified,
// those of a newer release artifact.ErrInvalid.
func decode(id string, content []byte) (*Manifest, error) {
	if _, sum, _ := strings.Cut(id, "-"); sumOf(content) != sum {
		return nil, fmt.Errorf("backup %q: its bytes are not those that were written: %w", id, artifact.ErrUnverified)
	}
	m := &Manifest{}
	d := json.NewDecoder(bytes.NewReader(content))
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("backup %q: %w: %w", id, err, artifact.ErrInvalid)
	}
	if m.Format != format {
		return nil, fmt.Errorf("backup %q: format %d, this release reads %d: %w", id, m.Format, format, artifact.ErrInvalid)
	}
	return m, nil
}

func isID(s string) bool {
	at, sum, ok := strings.Cut(s, "-")
	_, err := time.Parse(timeForm, at)
	_, hexErr := hex.DecodeString(sum)
	return ok && err == nil && hexErr == nil && len(sum) == sumLength
}
