package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
)

// client keeps one connection per worker, as a real client does.
var client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64}}

// manifestFor is an annotations-only plugin version with one layer.
func manifestFor(repo, version string, layer []byte, subject *ocispec.Descriptor) []byte {
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: artifact.TypePlugin, Config: ocispec.DescriptorEmptyJSON, Subject: subject,
		Layers:      []ocispec.Descriptor{{MediaType: artifact.TypeContent, Digest: digest.FromBytes(layer), Size: int64(len(layer))}},
		Annotations: map[string]string{artifact.KeyID: repo, ocispec.AnnotationVersion: version, artifact.KeyEngine + "acme-editor": ">=1"},
	}
	if subject != nil {
		m.ArtifactType = "application/vnd.example.note.v1"
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // a value of our own making
	}
	return b
}

// pushBlob uploads in one POST and one PUT, the way every client does.
func pushBlob(ctx context.Context, base, repo string, content []byte) error {
	resp, err := send(ctx, http.MethodPost, base+"/v2/"+repo+"/blobs/uploads/", "", nil)
	if err != nil {
		return err
	}
	if resp.status != http.StatusAccepted {
		return fmt.Errorf("start upload: %d: %s", resp.status, resp.body)
	}
	at := resp.header.Get("Location")
	if strings.HasPrefix(at, "/") {
		at = base + at
	}
	sep := "?"
	if strings.Contains(at, "?") {
		sep = "&"
	}
	resp, err = send(ctx, http.MethodPut, at+sep+"digest="+digest.FromBytes(content).String(), "application/octet-stream", content)
	if err != nil {
		return err
	}
	if resp.status != http.StatusCreated {
		return fmt.Errorf("upload: %d: %s", resp.status, resp.body)
	}
	return nil
}

func pushManifest(ctx context.Context, base, repo, reference string, content []byte) error {
	resp, err := send(ctx, http.MethodPut, base+"/v2/"+repo+"/manifests/"+reference, ocispec.MediaTypeImageManifest, content)
	if err != nil {
		return err
	}
	if resp.status != http.StatusCreated {
		return fmt.Errorf("manifest %s: %d: %s", reference, resp.status, resp.body)
	}
	return nil
}

// pushArtifact is one whole publication: config, layer, manifest by tag.
func pushArtifact(ctx context.Context, base, repo, version string, layer []byte) error {
	return errors.Join(
		pushBlob(ctx, base, repo, []byte("{}")),
		pushBlob(ctx, base, repo, layer),
		pushManifest(ctx, base, repo, version, manifestFor(repo, version, layer, nil)))
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func send(ctx context.Context, method, url, contentType string, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return answer{resp.StatusCode, resp.Header, b}, err
}
