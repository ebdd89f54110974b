package pack

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/content/oci"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/bounded"
	"github.com/oarlock/oarlock/artifact/durable"
)

// Write writes r to path: a tar of an OCI layout where path ends in ".tar",
// else an OCI layout directory, which may hold other artifacts already. The
// artifact is tagged with its version. A tar appears whole or not at all.
func (r *Result) Write(ctx context.Context, path string) error {
	if strings.HasSuffix(path, ".tar") {
		return r.writeTarFile(ctx, path)
	}
	layout, err := oci.NewWithContext(ctx, path)
	if err != nil {
		return fmt.Errorf("layout %s: %w", path, err)
	}
	if err := oras.CopyGraph(ctx, r.Store, layout, r.Root, oras.DefaultCopyGraphOptions); err != nil {
		return fmt.Errorf("layout %s: %w", path, err)
	}
	if err := layout.Tag(ctx, r.Root, r.Plugin.Version.Tag()); err != nil {
		return fmt.Errorf("layout %s: %w", path, err)
	}
	return nil
}

func (r *Result) writeTarFile(ctx context.Context, path string) error {
	err := durable.ReplaceBy(path, 0o644, func(w io.Writer) error { return r.WriteTar(ctx, w) })
	if err != nil {
		return fmt.Errorf("layout %s: %w", path, err)
	}
	return nil
}

// WriteTar writes r as a tar of an OCI layout; the same artifact gives the
// same bytes. It needs a Result of Dir.
func (r *Result) WriteTar(ctx context.Context, w io.Writer) error {
	root := r.Root
	root.Annotations = map[string]string{ocispec.AnnotationRefName: r.Plugin.Version.Tag()}
	index, err := canonical(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{root}})
	if err != nil {
		return err
	}
	tw := tar.NewWriter(w)
	write := func(name string, size int64, from io.Reader) error {
		if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, Format: tar.FormatGNU}); err != nil {
			return err
		}
		_, err := io.Copy(tw, from)
		return err
	}
	marker := `{"imageLayoutVersion":"` + ocispec.ImageLayoutVersion + `"}`
	if err := write(ocispec.ImageLayoutFile, int64(len(marker)), strings.NewReader(marker)); err != nil {
		return err
	}
	if err := write(ocispec.ImageIndexFile, int64(len(index)), strings.NewReader(string(index))); err != nil {
		return err
	}
	for _, d := range r.Blobs {
		rc, err := r.Store.Fetch(ctx, d)
		if err != nil {
			return err
		}
		name := "blobs/" + d.Digest.Algorithm().String() + "/" + d.Digest.Encoded()
		if err := errors.Join(write(name, d.Size, rc), rc.Close()); err != nil {
			return err
		}
	}
	return tw.Close()
}

// Open opens an OCI layout, a directory or a .tar of one, that holds a packed
// plugin. tag chooses among several; "" takes the only one. Errors wrap
// ErrNotFound or ErrInvalid.
func Open(ctx context.Context, path, tag string) (*Result, error) {
	layout, err := openLayout(ctx, path)
	if err != nil {
		return nil, err
	}
	if tag == "" {
		if tag, err = onlyTag(ctx, layout); err != nil {
			return nil, fmt.Errorf("layout %s: %w", path, err)
		}
	}
	root, err := layout.Resolve(ctx, tag)
	if err != nil {
		return nil, fmt.Errorf("layout %s: tag %q: %w", path, tag, artifact.ErrNotFound)
	}
	fetch := func(ctx context.Context, d ocispec.Descriptor) ([]byte, error) {
		return content.FetchAll(ctx, layout, d)
	}
	if root.Size > artifact.MaxManifest {
		return nil, fmt.Errorf("layout %s: manifest of %d bytes, expected at most %d: %w", path, root.Size, artifact.MaxManifest, artifact.ErrInvalid)
	}
	raw, err := fetch(ctx, root)
	if err != nil {
		return nil, fmt.Errorf("layout %s: %w", path, err)
	}
	c, err := artifact.ReadContent(ctx, root.MediaType, raw, fetch)
	if err != nil {
		return nil, fmt.Errorf("layout %s: %w", path, err)
	}
	root.Annotations = nil
	return &Result{Root: root, Plugin: c.Plugin, Store: layout}, nil
}

func openLayout(ctx context.Context, path string) (*oci.ReadOnlyStore, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("layout %s: no such file or directory: %w", path, artifact.ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("layout: %w", err)
	}
	open := func() (*oci.ReadOnlyStore, error) { return oci.NewFromTar(ctx, path) }
	if info.IsDir() {
		open = func() (*oci.ReadOnlyStore, error) { return oci.NewFromFS(ctx, bounded.Dir(path)) }
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("layout %s: it is %s, expected a directory or a .tar: %w", path, bounded.Kind(info.Mode()), artifact.ErrInvalid)
	}
	layout, err := open()
	if err != nil {
		return nil, fmt.Errorf("layout %s: %s: %w", path, err, artifact.ErrInvalid)
	}
	return layout, nil
}

func onlyTag(ctx context.Context, layout *oci.ReadOnlyStore) (string, error) {
	var all []string
	err := layout.Tags(ctx, "", func(tags []string) error {
		all = append(all, tags...)
		return nil
	})
	if err != nil {
		return "", err
	}
	if len(all) != 1 {
		return "", fmt.Errorf("it has the tags %q, expected exactly one or a choice: %w", all, artifact.ErrInvalid)
	}
	return all[0], nil
}

// IsLayout reports whether path looks like an OCI layout or a .tar of one,
// rather than a plugin directory.
func IsLayout(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	if !info.IsDir() {
		return strings.HasSuffix(path, ".tar")
	}
	raw, err := bounded.ReadFile(filepath.Join(path, ocispec.ImageLayoutFile), bounded.Document)
	var marker ocispec.ImageLayout
	return err == nil && json.Unmarshal(raw, &marker) == nil && marker.Version != ""
}
