package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestStorageURLs_B9: what an S3 URL says reaches the driver, and what it may
// not say is refused without repeating a secret.
func TestStorageURLs_B9(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]map[string]any{
		"s3://plugins": {"bucket": "plugins", "region": "us-east-1", "v4auth": true, "forcepathstyle": false},
		"s3://plugins/a/b/?region=eu-west-1": {"bucket": "plugins", "region": "eu-west-1", "v4auth": true, "forcepathstyle": false,
			"rootdirectory": "/a/b"},
		"s3://plugins?endpoint=http://127.0.0.1:7070": {"bucket": "plugins", "region": "us-east-1", "v4auth": true,
			"forcepathstyle": true, "regionendpoint": "http://127.0.0.1:7070", "secure": false},
		"s3://plugins?endpoint=https://s3.example.org&path_style=false&redirect=true&redirect_endpoint=https://files.example.org": {
			"bucket": "plugins", "region": "us-east-1", "v4auth": true, "forcepathstyle": false,
			"regionendpoint": "https://s3.example.org", "secure": true, "redirectendpoint": "https://files.example.org"},
		"s3://plugins?redirect=true&redirect_for=90s": {"bucket": "plugins", "region": "us-east-1", "v4auth": true, "forcepathstyle": false,
			"redirectfor": 90 * time.Second},
	} {
		got, err := ParseStorage(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if want["redirectfor"] == nil {
			want["redirectfor"] = 5 * time.Minute
		}
		if got.RedirectFor != want["redirectfor"] {
			t.Errorf("%s: URLs are good for %s", url, got.RedirectFor)
		}
		if diff := cmp.Diff(want, got.Parameters); diff != "" || got.Driver != "s3" || got.Redirect != strings.Contains(url, "redirect=true") {
			t.Errorf("%s: driver %q, redirect %t\n%s", url, got.Driver, got.Redirect, diff)
		}
	}
	for url, want := range map[string]string{
		"s3://":                                                "the bucket is missing",
		"s3://key:hidden@plugins":                              "credentials do not belong",
		"s3://plugins?secretkey=hidden":                        `parameter "secretkey"`,
		"s3://plugins?endpoint=10.0.0.1":                       "expected http://host:port",
		"s3://plugins?endpoint=http://key:hidden@127.0.0.1":    "credentials do not belong",
		"s3://plugins?redirect=true&redirect_for=5s":           "from 10s to 168h",
		"s3://plugins?redirect=true&redirect_for=169h":         "from 10s to 168h",
		"s3://plugins?redirect=true&redirect_for=soon":         `redirect_for "soon"`,
		"s3://plugins?redirect=perhaps":                        "expected true or false",
		"s3://plugins?redirect_endpoint=https://example.org/x": "expected http://host:port",
		"gs://plugins":                                         `scheme "gs"`,
	} {
		_, err := ParseStorage(url)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
}

func TestReplicasNeedOnePublicURL_K7(t *testing.T) {
	t.Parallel()
	cfg := Default()
	cfg.Storage, cfg.DB = "s3://plugins", "postgres://oarlock@127.0.0.1/oarlock"
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "public_url") {
		t.Errorf("without one: %v", err)
	}
	cfg.PublicURL = "https://plugins.example.org"
	if err := cfg.Validate(); err != nil {
		t.Errorf("with one: %v", err)
	}
}
