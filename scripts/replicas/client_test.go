//go:build e2e

package replicas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

var empty = []byte("{}")

// web keeps a connection for each of the racing clients.
var web = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128}}

// send gives status, header and body of one request.
func (r *replica) send(method, path string, body []byte, header ...string) (int, http.Header, []byte, error) {
	if !strings.HasPrefix(path, "http") {
		path = "http://" + r.addr + path
	}
	req, err := http.NewRequest(method, path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := web.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, content, err
}

// json reads an answer of the API into into, which may be nil.
func (r *replica) json(path string, into any) error {
	status, _, body, err := r.send("GET", path, nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("GET %s: status %d: %s", path, status, body)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

// blob pushes content in a session.
func (r *replica) blob(repo string, content []byte) error {
	status, header, body, err := r.send("POST", "/v2/"+repo+"/blobs/uploads/", nil)
	if err != nil {
		return err
	}
	if status != http.StatusAccepted {
		return fmt.Errorf("begin upload: status %d: %s", status, body)
	}
	to, err := url.Parse(header.Get("Location"))
	if err != nil {
		return err
	}
	q := to.Query()
	q.Set("digest", digest.FromBytes(content).String())
	to.RawQuery = q.Encode()
	status, _, body, err = r.send("PUT", to.String(), content, "Content-Type", "application/octet-stream")
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("upload: status %d: %s", status, body)
	}
	return err
}

// manifest pushes a manifest under a tag or, with "", by digest.
func (r *replica) manifest(repo, tag string, content []byte) (int, []byte, error) {
	if tag == "" {
		tag = digest.FromBytes(content).String()
	}
	status, _, body, err := r.send("PUT", "/v2/"+repo+"/manifests/"+tag, content, "Content-Type", ocispec.MediaTypeImageManifest)
	return status, body, err
}

// publish pushes a version with one layer.
func (r *replica) publish(repo, version string, layer []byte) error {
	for _, b := range [][]byte{empty, layer} {
		if err := r.blob(repo, b); err != nil {
			return err
		}
	}
	status, body, err := r.manifest(repo, version, version1(repo, version, layer, ""))
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("push: status %d: %s", status, body)
	}
	return err
}

// at is the digest of a tag.
func (r *replica) at(repo, tag string) (string, error) {
	status, header, _, err := r.send("HEAD", "/v2/"+repo+"/manifests/"+tag, nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("HEAD %s:%s: status %d", repo, tag, status)
	}
	return header.Get("Docker-Content-Digest"), err
}

// listed reports whether the catalog has a version.
func (r *replica) listed(repo, version string) error {
	var v struct{ Version string }
	return r.json("/api/v1/plugins/"+repo+"/versions/"+version, &v)
}

// version1 is a plugin version that its annotations alone describe.
func version1(repo, version string, layer []byte, note string) []byte {
	return encode(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: "application/vnd.oarlock.plugin.v1",
		Config:       ocispec.Descriptor{MediaType: ocispec.MediaTypeEmptyJSON, Digest: digest.FromBytes(empty), Size: int64(len(empty))},
		Layers: []ocispec.Descriptor{{MediaType: "text/plain", Digest: digest.FromBytes(layer), Size: int64(len(layer)),
			Annotations: map[string]string{ocispec.AnnotationTitle: "hello.txt"}}},
		Annotations: map[string]string{
			"dev.oarlock.plugin.id": repo, "dev.oarlock.plugin.engine.acme-editor": ">=2.0.0",
			ocispec.AnnotationVersion: version, ocispec.AnnotationTitle: "Hello", ocispec.AnnotationLicenses: "MIT",
			ocispec.AnnotationDescription: "Says hello. " + note,
		},
	})
}

// referrer is an artifact about subject.
func referrer(subject []byte, note string) []byte {
	return encode(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: "application/example",
		Config:      ocispec.Descriptor{MediaType: ocispec.MediaTypeEmptyJSON, Digest: digest.FromBytes(empty), Size: int64(len(empty))},
		Layers:      []ocispec.Descriptor{{MediaType: ocispec.MediaTypeEmptyJSON, Digest: digest.FromBytes(empty), Size: int64(len(empty))}},
		Subject:     &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(subject), Size: int64(len(subject))},
		Annotations: map[string]string{"note": note},
	})
}

func encode(v any) []byte {
	content, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return content
}
