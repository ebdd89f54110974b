package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	benchRepo  = "bench/bytes"
	smallBytes = 20_000
	largeBytes = 50_000_000
	referrers  = 100
)

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, by its documentation
	return b
}

// peers starts every peer whose binary was given, oarlock first.
func peers(ctx context.Context, o options, part string) ([]*server, func(), error) {
	var up []*server
	down := func() {
		for _, s := range up {
			s.stop()
		}
	}
	starts := []struct {
		name, binary string
		start        func(context.Context, options, string) (*server, error)
	}{{"oarlock", o.oarlock, startOarlock}, {"distribution", o.registry, startDistribution}, {"zot", o.zot, startZot}}
	for _, p := range starts {
		if p.binary == "" {
			continue
		}
		s, err := p.start(ctx, o, filepath.Join(o.dir, part+"-"+p.name))
		if err != nil {
			down()
			return nil, nil, err
		}
		up = append(up, s)
	}
	return up, down, nil
}

// benchBytes reads blobs, manifests, referrers and tags from every peer.
func benchBytes(ctx context.Context, o options) error {
	up, down, err := peers(ctx, o, "bytes")
	if err != nil {
		return err
	}
	defer down()
	small, large := random(smallBytes), random(largeBytes)
	m := manifestFor(benchRepo, "1.0.0", small, nil)
	for _, s := range up {
		if err := seed(ctx, s, small, large, m); err != nil {
			return fmt.Errorf("seed %s: %w", s.name, err)
		}
	}
	byDigest := func(b []byte) string { return "/v2/" + benchRepo + "/blobs/" + digest.FromBytes(b).String() }
	manifests := "/v2/" + benchRepo + "/manifests/"
	rows := []row{
		{"blob of 20 kB, 16 connections", byDigest(small), "/small", 16},
		{"manifest by digest", manifests + digest.FromBytes(m).String(), "", 16},
		{"manifest by tag", manifests + "1.0.0", "", 16},
		{fmt.Sprintf("referrers of one subject (%d)", referrers), "/v2/" + benchRepo + "/referrers/" + digest.FromBytes(m).String(), "", 16},
		{"tags list (100)", "/v2/" + benchRepo + "/tags/list", "", 16},
		{"blob of 50 MB, 4 connections", byDigest(large), "/large", 4},
	}
	if o.nginx != "" {
		n, err := startNginx(ctx, o, filepath.Join(o.dir, "bytes-nginx"), small, large)
		if err != nil {
			return err
		}
		defer n.stop()
		up = append(up, n)
	}
	bare, err := startBare(ctx, filepath.Join(o.dir, "bytes-bare"), small, large)
	if err != nil {
		return err
	}
	defer bare.stop()
	up = append(up, bare)
	return readTable(ctx, o, up, rows)
}

func seed(ctx context.Context, s *server, small, large, m []byte) error {
	for _, blob := range [][]byte{[]byte("{}"), small, large} {
		if err := pushBlob(ctx, s.base, benchRepo, blob); err != nil {
			return err
		}
	}
	if err := pushManifest(ctx, s.base, benchRepo, "1.0.0", m); err != nil {
		return err
	}
	for i := 1; i < 100; i++ {
		v := fmt.Sprintf("1.0.%d", i)
		if err := pushManifest(ctx, s.base, benchRepo, v, manifestFor(benchRepo, v, small, nil)); err != nil {
			return err
		}
	}
	subject := &ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(m), Size: int64(len(m))}
	for i := range referrers {
		r := manifestFor(benchRepo, fmt.Sprintf("0.0.%d", i), small, subject)
		if err := pushManifest(ctx, s.base, benchRepo, digest.FromBytes(r).String(), r); err != nil {
			return err
		}
	}
	return nil
}
